"""Steps of an install, done one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pose_edge.errors import PoseEdgeError, UnavailableError

Step = tuple[str, Callable[[], None]]
"""A title, e.g. "unit: /etc/systemd/system/pose-edge.service", and a function that does the step
and may be called again."""


class ServiceError(PoseEdgeError):
    """The service cannot be installed or uninstalled."""


def run_steps(steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """Do the steps in order; a line announces each.

    Raises:
        ServiceError: A step failed; the message says which and why. The next ones are not begun.
        UnavailableError: The same, where an input, a package or a device is not available.
    """
    for number, (title, action) in enumerate(steps, 1):
        say(f"{number}/{len(steps)}  {title}")
        try:
            action()
        except (PoseEdgeError, OSError) as error:
            done = ", ".join(str(n) for n in range(1, number)) or "nothing"
            kind = UnavailableError if isinstance(error, UnavailableError) else ServiceError
            raise kind(
                f"step {number}, {title}: {error}\ndone before that: {done}",
                remedy="when it is fixed, start the same command again",
            ) from error
