from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from helpers import wait_until

from pose_edge.live.signals import Signals

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


def test_who_only_listens_for_the_end_hears_nothing_else(signals: Signals) -> None:
    before = signal.getsignal(signal.SIGHUP)
    signals.listen_for_the_end()
    assert signal.getsignal(signal.SIGHUP) is before
    os.kill(os.getpid(), signal.SIGINT)
    wait_until(signals.stop.is_set)


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
            os.close(near)  # the kernel sends SIGHUP
        else:
            process.send_signal(signal.SIGHUP)
        assert process.stdout.read().strip() == meant
    if not closed:
        os.close(near)
