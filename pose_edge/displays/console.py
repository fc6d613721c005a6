"""Virtual terminals: Ctrl-Alt-F2 gives the screen to another one, Ctrl-Alt-F1 gives it back."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pose_edge.errors import DisplayError

TTY_MAJOR: Final = 4
LAST_TTY: Final = 63
"""The kernel's device numbers of virtual terminals: the major number, and the last minor one."""


class ScreenYielded(DisplayError):  # noqa: N818 - no fault: the user switched the terminal
    """Another virtual terminal was brought to the front, and the screen is left to it."""


class Console:
    """The virtual terminal that the screen belongs to while it is in front.

    Attributes:
        own: The terminal's name, e.g. "tty1", or None where there are no virtual terminals.
    """

    def __init__(self, sysfs: Path, own: str | None) -> None:
        """Name the terminal.

        Args:
            sysfs: Where sysfs is mounted.
            own: The terminal that this program was started on; None, e.g. when it was started over
                the network, for the one that is in front now.
        """
        self._active = sysfs / "class" / "tty" / "tty0" / "active"
        self.own = own or self._in_front()

    def other_in_front(self) -> str | None:
        """Return the terminal in front if it is not the own one, else None."""
        front = self._in_front()
        return front if front != self.own else None

    def _in_front(self) -> str | None:
        try:
            return self._active.read_text().strip() or None
        except OSError:  # no virtual terminals
            return None


def own_terminal(stat: Path = Path("/proc/self/stat")) -> str | None:
    """Return the virtual terminal that controls this process, e.g. "tty1", or None.

    Args:
        stat: The process's entry in procfs.
    """
    try:
        # The name of the program, in brackets, may hold spaces and brackets itself.
        fields = stat.read_text().rpartition(")")[2].split()
        device = int(fields[4])
    except (OSError, IndexError, ValueError):
        return None
    major, minor = device >> 8 & 0xFFF, device & 0xFF
    return f"tty{minor}" if major == TTY_MAJOR and 1 <= minor <= LAST_TTY else None
