"""Keys without a desktop: those typed on the terminal that the program was started from.

This works on the Pi's own keyboard, whenever it is plugged in, and over ssh. It needs no rights on
input devices, keys for another virtual terminal do not arrive, and no key is left over for the
shell to run afterwards.
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
    """Return the names of typed keys, in lower case: letters and "escape" only.

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
        """Open the terminal; where there is none, no keys are reported.

        Args:
            path: The terminal. It is neither read nor changed while another program is in its
                foreground.
        """
        self._terminal: int | None = None
        self._before: list[Any] | None = None
        try:
            self._terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            if self._in_foreground():
                self._configure()
        except (OSError, termios.error) as error:
            log.debug("no keys from %s: %s", path, error)

    def keys(self) -> list[str]:
        """Return the names of the keys that were typed since the last call."""
        try:
            if self._terminal is None or not self._in_foreground():
                return []
            if self._before is None:
                self._configure()
            return parse_keys(os.read(self._terminal, 1024))
        except (OSError, termios.error):  # nothing was typed, or the terminal has gone
            return []

    def close(self) -> None:
        """Restore the terminal's settings; closing twice does no harm."""
        if self._terminal is None:
            return
        try:
            if self._before is not None and self._in_foreground():
                termios.tcsetattr(self._terminal, termios.TCSAFLUSH, self._before)
        except (OSError, termios.error) as error:
            log.debug("the terminal's settings cannot be restored: %s", error)
        finally:
            os.close(self._terminal)
            self._terminal = None

    def _in_foreground(self) -> bool:
        assert self._terminal is not None
        return os.tcgetpgrp(self._terminal) == os.getpgrp()

    def _configure(self) -> None:
        assert self._terminal is not None
        self._before = termios.tcgetattr(self._terminal)
        changed = termios.tcgetattr(self._terminal)
        changed[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl-C still interrupts
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, changed)
