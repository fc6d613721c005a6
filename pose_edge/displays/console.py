"""Virtual terminals: Ctrl-Alt-F2 gives the screen to somebody else, Ctrl-Alt-F1 gives it back."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pose_edge.errors import DisplayError

TTY_MAJOR: Final = 4
LAST_TTY: Final = 63
"""Devices of the kernel that are virtual terminals."""


class ScreenYielded(DisplayError):  # noqa: N818 - no fault: the user wanted it
    """Another virtual terminal was brought to the front; the screen is its own."""


class Console:
    """The virtual terminal that the screen belongs to while it is in front."""

    def __init__(self, sysfs: Path, home: str | None) -> None:
        """Name the terminal.

        Args:
            sysfs: Where sysfs is mounted.
            home: The terminal that this program was started on, e.g. "tty1"; None for the one that
                is in front now, where it was started over the network.
        """
        self._active = sysfs / "class" / "tty" / "tty0" / "active"
        self.home = home or self.active()

    def active(self) -> str | None:
        """Return the terminal in front, or None where there are no virtual terminals."""
        try:
            return self._active.read_text().strip() or None
        except OSError:
            return None

    def away(self) -> str | None:
        """Return the terminal in front when it is another than the own one."""
        active = self.active()
        return active if active != self.home else None


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
