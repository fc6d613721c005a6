from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.schema import DEVICE_PATTERN, EdgeTpuSettings
from pose_edge.runtimes.edgetpu.option import DeviceOption, Kind, parse_device


@given(kind=st.sampled_from((None, "usb", "pci")), index=st.none() | st.integers(0, 999))
def test_every_option_of_the_library_is_understood(kind: Kind | None, index: int | None) -> None:
    text = (kind or "") + ("" if index is None else f":{index}")
    assert parse_device(text) == DeviceOption(kind, index)
    assert EdgeTpuSettings(device=text).device == text


@pytest.mark.parametrize(
    "text",
    ["USB", "usb:", ":", "usb:-1", "usb:x", "usb 0", "pcie", "0", "usb:0\n", "usb:\u0661", ":1000"],
)
def test_anything_else_is_refused_by_reader_and_settings_alike(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r}: expected")):
        parse_device(text)
    with pytest.raises(ValueError, match="device"):
        EdgeTpuSettings(device=text)


@given(st.text(alphabet="usbpci:0123456789 \n", max_size=8))
def test_reader_and_settings_agree(text: str) -> None:
    def accepts(read: object) -> bool:
        try:
            read(text)  # type: ignore[operator]
        except ValueError:
            return False
        return True

    assert accepts(parse_device) == accepts(lambda value: EdgeTpuSettings(device=value))
    assert DEVICE_PATTERN.startswith("^")
