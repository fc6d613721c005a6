"""What signals ask of a run; nothing is done in their handlers but to note it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class Signals:
    """What was asked for.

    Attributes:
        stop: SIGINT or SIGTERM: end in order. A second SIGINT ends at once.
        reload: SIGHUP: read the configuration again. Also sent when a terminal is closed, which
            means `stop`, but for a service.
        hang: SIGUSR2: let a part hang, to try what comes of it (the setting testing.deadlock).
    """

    def __init__(self) -> None:
        """Nothing was asked for yet."""
        self.stop = threading.Event()
        self.reload = threading.Event()
        self.hang = threading.Event()
        self._had_terminal = False

    def listen_for_the_end(self) -> None:
        """Heed SIGINT and SIGTERM from now on; in the main thread."""
        signal.signal(signal.SIGINT, self._end)
        signal.signal(signal.SIGTERM, self._end)

    def listen(self) -> None:
        """Heed all of them."""
        self.listen_for_the_end()
        # A service's console can be hung up under it, which is no reason to end: systemd does so
        # before each command of a unit with TTYVHangup=, the one that reloads among them.
        self._had_terminal = "NOTIFY_SOCKET" not in os.environ and has_terminal()
        signal.signal(signal.SIGHUP, self._hang_up)
        signal.signal(signal.SIGUSR2, self._try_hanging)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop.set()

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        if self._had_terminal and not has_terminal():
            self.stop.set()
        else:
            self.reload.set()

    def _try_hanging(self, _number: int, _frame: FrameType | None) -> None:
        self.hang.set()


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal that is still there."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    os.close(terminal)
    return True
