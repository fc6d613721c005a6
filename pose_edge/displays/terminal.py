"""Without a desktop: the virtual terminal that owns the screen, and the keys typed on it."""

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
"""The kernel's device numbers of virtual terminals: the major number, and the last minor one."""

SEQUENCE: Final = re.compile(rb"\x1b\[\[?[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|\x1b[^\x1b\[O]")
"""What a terminal sends for arrows, function keys, and keys pressed together with Alt."""

ESCAPE: Final = "\x1b"

log = logging.getLogger(__name__)


class Console:
    """The virtual terminal that the screen belongs to while it is in front.

    Ctrl-Alt-F2 gives the screen to another terminal, Ctrl-Alt-F1 gives it back.

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
        device = int(stat.read_text().rpartition(")")[2].split()[4])
    except (OSError, IndexError, ValueError):
        return None
    major, minor = device >> 8 & 0xFFF, device & 0xFF
    return f"tty{minor}" if major == TTY_MAJOR and 1 <= minor <= LAST_TTY else None


def parse_keys(typed: bytes) -> list[str]:
    """Return the names of the keys in what a terminal sent, see `Display.poll`."""
    letters = SEQUENCE.sub(b"", typed).decode("utf-8", "ignore")
    names = {ESCAPE: "escape", " ": "space"}
    return [
        names.get(letter, letter.lower())
        for letter in letters
        if letter in names or letter.isprintable()
    ]


class Keyboard:
    """The terminal that controls this process, read key by key and without an echo.

    This works on the Pi's own keyboard, whenever it is plugged in, and over ssh. It needs no rights
    on input devices, keys for another virtual terminal do not arrive, and no key is left over for
    the shell to run afterwards.
    """

    def __init__(self, path: Path = Path("/dev/tty")) -> None:
        """Open the terminal; where there is none, no keys are reported.

        Args:
            path: The terminal. It is neither read nor changed while another program is in its
                foreground.
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
        """Restore the terminal's settings; closing twice does no harm."""
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
        """Return whether the program is in the foreground; the first time, stop line editing."""
        if not _in_foreground(terminal):
            return False
        if self._before is None:
            self._before = termios.tcgetattr(terminal)
            tty.setcbreak(terminal, termios.TCSADRAIN)  # Ctrl-C still interrupts
        return True


def _in_foreground(terminal: int) -> bool:
    return os.tcgetpgrp(terminal) == os.getpgrp()
