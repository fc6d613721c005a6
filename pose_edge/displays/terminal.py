"""The virtual terminal that owns the screen where there is no desktop, and its keyboard."""

from __future__ import annotations

import logging
import os
import re
import termios
import tty
from pathlib import Path
from typing import Any, Final

TTY_MAJOR: Final = 4
LAST_TTY: Final = 63
"""The kernel's device numbers of virtual terminals: the major, and the highest minor number."""

SEQUENCE: Final = re.compile(rb"\x1b\[\[?[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|\x1b[^\x1b\[O]")
"""Escape sequences that a terminal sends for arrow keys, function keys, and keys with Alt."""

ESCAPE: Final = "\x1b"

log = logging.getLogger(__name__)


class Console:
    """The virtual terminal of this program, which owns the screen while it is in front.

    For example, Ctrl-Alt-F2 brings tty2 to the front, and Ctrl-Alt-F1 brings tty1 back.

    Attributes:
        own: The terminal's name, e.g. "tty1", or None where there are no virtual terminals.
    """

    def __init__(self, sysfs: Path, own: str | None) -> None:
        """Determine the program's terminal.

        Args:
            sysfs: Where sysfs is mounted.
            own: The terminal that this program was started on. None (e.g. started over ssh)
                selects the terminal that is in front now.
        """
        self._active = sysfs / "class" / "tty" / "tty0" / "active"
        self.own = own or self._in_front()

    def other_in_front(self) -> str | None:
        """Return the name of the terminal in front if it is not `own`, else None."""
        front = self._in_front()
        return front if front != self.own else None

    def _in_front(self) -> str | None:
        try:
            return self._active.read_text().strip() or None
        except OSError:  # no virtual terminals
            return None


def own_terminal(stat: Path = Path("/proc/self/stat")) -> str | None:
    """Return the process's controlling terminal, e.g. "tty1"; None if it is not a virtual one.

    Args:
        stat: The process's `stat` file in procfs.
    """
    try:
        # The program's name, in parentheses, may itself contain spaces and parentheses.
        device = int(stat.read_text().rpartition(")")[2].split()[4])
    except (OSError, IndexError, ValueError):
        return None
    major, minor = device >> 8 & 0xFFF, device & 0xFF
    return f"tty{minor}" if major == TTY_MAJOR and 1 <= minor <= LAST_TTY else None


def parse_keys(typed: bytes) -> list[str]:
    """Return the names of the keys in bytes read from a terminal; see `Display.poll`."""
    letters = SEQUENCE.sub(b"", typed).decode("utf-8", "ignore")
    names = {ESCAPE: "escape", " ": "space"}
    return [
        names.get(letter, letter.lower())
        for letter in letters
        if letter in names or letter.isprintable()
    ]


class Keyboard:
    """Keyboard input from the controlling terminal, without line buffering and echo.

    This works with the Pi's own keyboard, whenever that is plugged in, and over ssh. It needs no
    access to input devices, ignores keys typed on other virtual terminals, and leaves no input that
    the shell would run afterwards.
    """

    def __init__(self, path: Path = Path("/dev/tty")) -> None:
        """Open the terminal; if that fails, no keys are reported.

        Args:
            path: The terminal's device. It is neither read nor configured while another program is
                in its foreground.
        """
        self._terminal: int | None = None
        self._before: list[Any] | None = None
        try:
            self._terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._configure(self._terminal)
        except (OSError, termios.error) as error:
            log.debug("no keys from %s: %s", path, error)

    def keys(self) -> list[str]:
        """Return the names of the keys that were typed since the last call."""
        try:
            if self._terminal is not None and self._configure(self._terminal):
                return parse_keys(os.read(self._terminal, 1024))
        except (OSError, termios.error):  # nothing was typed, or the terminal has gone
            return []
        return []

    def close(self) -> None:
        """Restore the terminal's settings; a second call does nothing."""
        if self._terminal is None:
            return
        try:
            if self._before is not None and _in_foreground(self._terminal):
                termios.tcsetattr(self._terminal, termios.TCSAFLUSH, self._before)
        except (OSError, termios.error) as error:
            log.debug("the terminal's settings cannot be restored: %s", error)
        finally:
            os.close(self._terminal)
            self._terminal = None

    def _configure(self, terminal: int) -> bool:
        """Return whether the program is in the foreground; once it is, turn off line editing."""
        if not _in_foreground(terminal):
            return False
        if self._before is None:
            self._before = termios.tcgetattr(terminal)
            tty.setcbreak(terminal, termios.TCSADRAIN)  # Ctrl-C still interrupts
        return True


def _in_foreground(terminal: int) -> bool:
    return os.tcgetpgrp(terminal) == os.getpgrp()
