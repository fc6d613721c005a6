from __future__ import annotations

import signal
import threading
import time

from helpers import GENEROUS_S

from pose_edge.util.wakeup import Wakeup


def test_what_happens_before_the_wait_ends_it() -> None:
    wakeup = Wakeup()
    wakeup.set()
    wakeup.set()
    started = time.monotonic()
    wakeup.wait(2 * GENEROUS_S)
    assert time.monotonic() - started < GENEROUS_S
    wakeup.wait(0.0)
    wakeup.wait(-1.0)


def test_what_happens_in_another_thread_ends_the_wait() -> None:
    wakeup = Wakeup()
    thread = threading.Thread(target=wakeup.wait, args=(2 * GENEROUS_S,), daemon=True)
    thread.start()
    wakeup.set()
    thread.join(GENEROUS_S)
    assert not thread.is_alive()


def test_a_signal_ends_the_wait() -> None:
    wakeup = Wakeup()
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: wakeup.set())
    main = threading.get_ident()
    try:
        sender = threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1))
        sender.start()
        started = time.monotonic()
        wakeup.wait(2 * GENEROUS_S)
        assert time.monotonic() - started < GENEROUS_S
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
