from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from helpers import wait_until

from pose_edge.live.signals import (
    BLOCKED_SIGNALS,
    Signals,
    interrupt_on_signals,
    release_signals,
)

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)

LISTENS = """
import os, sys, time
os.setsid()
os.open(sys.argv[1], os.O_RDWR)  # becomes the controlling terminal
from pose_edge.live.signals import Signals
signals = Signals()
signals.listen()
print("listening", flush=True)
while not signals.stop.is_set() and not signals.reload.is_set():
    time.sleep(0.01)
print("stop" if signals.stop.is_set() else "reload")
"""


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in HEARD}
    yield Signals()
    for number, handler in before.items():
        signal.signal(number, handler)
    release_signals()


def test_each_signal_asks_for_its_own(signals: Signals) -> None:
    signals.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    wait_until(signals.reload.is_set)
    os.kill(os.getpid(), signal.SIGUSR2)
    wait_until(signals.hang.is_set)
    assert not signals.stop.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    wait_until(signals.stop.is_set)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_only_listens_for_the_end_knows_no_reload(signals: Signals, number: int) -> None:
    signals.listen_for_the_end()
    os.kill(os.getpid(), number)
    wait_until(signals.stop.is_set)
    assert not signals.reload.is_set()


def test_under_nohup_a_closed_terminal_is_ignored(signals: Signals) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals.listen_for_the_end()
    interrupt_on_signals()
    os.kill(os.getpid(), signal.SIGHUP)
    assert not signals.stop.is_set()
    signals.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    wait_until(signals.reload.is_set)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_wait_for_their_handlers(signals: Signals, number: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
    # Sent to this thread, as the test runner's other threads do not block signals.
    signal.pthread_kill(threading.get_ident(), number)
    assert number in signal.sigpending()
    signals.listen_for_the_end()
    wait_until(signals.stop.is_set)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_does_not_listen_is_interrupted(signals: Signals, number: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
    # Sent to this thread, as the test runner's other threads do not block signals.
    signal.pthread_kill(threading.get_ident(), number)
    with pytest.raises(KeyboardInterrupt):
        interrupt_on_signals()


@pytest.mark.parametrize(
    ("closed", "service", "meant"),
    [(False, False, "reload"), (True, False, "stop"), (True, True, "reload")],
)
def test_a_terminal_that_is_closed_ends_what_is_no_service(
    closed: bool, service: bool, meant: str
) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "NOTIFY_SOCKET"}
    if service:
        environment["NOTIFY_SOCKET"] = "@nobody"
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS, os.ttyname(far)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        os.close(far)
        if closed:
            os.close(near)  # now the kernel sends SIGHUP
        else:
            process.send_signal(signal.SIGHUP)
        assert process.stdout.read().strip() == meant
    if not closed:
        os.close(near)
