"""Which Coral is meant: the option `device`, as the Edge TPU library reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pose_edge.config.schema import DEVICE_PATTERN

Kind = Literal["usb", "pci"]


@dataclass(frozen=True, slots=True)
class DeviceOption:
    """A choice among the Corals of a machine.

    Attributes:
        kind: How it is connected; None is either way.
        index: Its place in the library's order, from 0; None is any.
    """

    kind: Kind | None = None
    index: int | None = None


def parse_device(text: str) -> DeviceOption:
    """Read the option.

    Args:
        text: As in `settings.DEVICE_PATTERN`.

    Raises:
        ValueError: It is something else.
    """
    match = re.fullmatch(DEVICE_PATTERN, text)
    if match is None or text.endswith("\n"):
        raise ValueError(f'{text!r}: expected "", ":N", "usb", "usb:N", "pci" or "pci:N", N from 0')
    kind: Kind | None = "usb" if match[1] == "usb" else "pci" if match[1] == "pci" else None
    return DeviceOption(kind, None if match[2] is None else int(match[2][1:]))
