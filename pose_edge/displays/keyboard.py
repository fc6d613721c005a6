"""Keys without a desktop: those that are typed on the terminal that the program was started from.

That works on the Pi's own keyboard, whenever it is plugged in, and over ssh; it needs no rights on
input devices, keys that are meant for another virtual terminal do not arrive, and none is left for
the shell to run afterwards.
"""

from __future__ import annotations

import logging
import os
import re
import termios
from pathlib import Path
from typing import Any, Final

SEQUENCE: Final = re.compile(rb"\x1b\[\[?[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|\x1b[^\x1b\[O]")
"""What a terminal sends for arrows, function keys, and keys pressed together with Alt."""

ESCAPE: Final = "\x1b"

log = logging.getLogger(__name__)


def parse_keys(typed: bytes) -> list[str]:
    """Return the names of typed keys, in lower case; keys that are no letters are left out.

    Args:
        typed: What a terminal sent.
    """
    letters = SEQUENCE.sub(b"", typed).decode("utf-8", "ignore")
    return [
        "escape" if letter == ESCAPE else letter.lower()
        for letter in letters
        if letter == ESCAPE or letter.isalpha()
    ]


class Keyboard:
    """The terminal that controls this process, read key by key and without an echo."""

    def __init__(self, path: Path = Path("/dev/tty")) -> None:
        """Take the terminal; where there is none, no key will ever come.

        Args:
            path: The terminal. Nothing is read while another program is in its foreground.
        """
        self._terminal: int | None = None
        self._before: list[Any] | None = None
        try:
            self._terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            if self._in_front():
                self._take()
        except (OSError, termios.error) as error:
            log.debug("no keys from %s: %s", path, error)

    def keys(self) -> list[str]:
        """Return the names of the keys that were typed since the last call."""
        try:
            if self._terminal is None or not self._in_front():
                return []
            if self._before is None:
                self._take()
            return parse_keys(os.read(self._terminal, 1024))
        except (OSError, termios.error):  # nothing was typed, or the terminal has gone
            return []

    def close(self) -> None:
        """Give the terminal back as it was; closing twice does no harm."""
        terminal, self._terminal = self._terminal, None
        if terminal is None:
            return
        try:
            if self._before is not None and os.tcgetpgrp(terminal) == os.getpgrp():
                termios.tcsetattr(terminal, termios.TCSAFLUSH, self._before)
        except (OSError, termios.error) as error:
            log.debug("the terminal stays as it is: %s", error)
        finally:
            os.close(terminal)

    def _in_front(self) -> bool:
        """Say whether the terminal is ours: another's may not be read or changed."""
        return self._terminal is not None and os.tcgetpgrp(self._terminal) == os.getpgrp()

    def _take(self) -> None:
        assert self._terminal is not None
        self._before = termios.tcgetattr(self._terminal)
        changed = termios.tcgetattr(self._terminal)
        changed[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl-C stays what it is
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, changed)
