"""A list of steps, done one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pose_edge.errors import PoseEdgeError, UnavailableError


class ServiceError(PoseEdgeError):
    """The service cannot be installed, or taken away."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        title: What it is about, e.g. "unit: /etc/systemd/system/pose-edge.service".
        action: Does it; may be called again.
    """

    title: str
    action: Callable[[], None]


def run_steps(steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """Do the steps in order, each announced by a line.

    Raises:
        ServiceError: One failed: which, why, what is done already. The rest was not begun.
        UnavailableError: The same, where something cannot be had.
    """
    for number, step in enumerate(steps, 1):
        say(f"{number}/{len(steps)}  {step.title}")
        try:
            step.action()
        except (PoseEdgeError, OSError) as error:
            done = ", ".join(str(n) for n in range(1, number)) or "nothing"
            kind = UnavailableError if isinstance(error, UnavailableError) else ServiceError
            raise kind(
                f"step {number}, {step.title}: {error}\n"
                f"done before that: {done}; when it is mended, start the same command again"
            ) from error
