from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.sinks import datagram_peer
from pose_edge.sinks.datagram_peer import (
    RETRY_S,
    SETTLE_S,
    AddressLookup,
    DatagramPeer,
    open_peers,
    split_address,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(GENEROUS_S)
        yield opened


def address_of(receiver: socket.socket) -> str:
    return f"127.0.0.1:{receiver.getsockname()[1]}"


def open_peer(address: str, clock: Callable[[], float] = time.monotonic) -> DatagramPeer:
    (peer,) = open_peers([address], clock)
    return peer


def after_tick(peer: DatagramPeer) -> str | None:
    peer.tick()
    return peer.waiting


def test_what_is_sent_arrives(receiver: socket.socket) -> None:
    clock = Clock()
    peer = open_peer(address_of(receiver), clock)
    assert peer.waiting is None
    assert peer.send(b"one")
    assert after_tick(peer) is None
    assert not peer.target, "too early to say"
    clock.now += SETTLE_S
    assert after_tick(peer) is None
    assert peer.target == address_of(receiver)
    assert receiver.recv(100) == b"one"
    peer.close()


def test_a_peer_that_comes_late_and_leaves_and_comes_back() -> None:
    clock = Clock()
    first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first.bind(("127.0.0.1", 0))
    address = address_of(first)
    port = first.getsockname()[1]
    first.close()
    peer = open_peer(address, clock)
    for _ in range(3):
        peer.send(b"to nobody")
        wait_until(lambda: after_tick(peer) is not None)
        assert peer.waiting == f"nobody listens at {address}"
        assert peer.target is None
        assert not peer.send(b"left out")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", port))
            receiver.settimeout(GENEROUS_S)
            clock.now += RETRY_S
            wait_until(lambda: after_tick(peer) is None)
            assert peer.send(b"here you are")
            assert receiver.recv(100) == b"here you are"
            clock.now += SETTLE_S
            peer.tick()
            assert peer.target == address
    peer.close()


def test_a_resolver_that_hangs_holds_up_nothing(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    real = socket.getaddrinfo

    def slow(_host: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        assert gate.wait(GENEROUS_S)
        return real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(datagram_peer, "FIRST_LOOKUP_S", 0.01)
    name = address_of(receiver).replace("127.0.0.1", "studio.example")
    peer = open_peer(name)
    assert peer.waiting == f"the address of {name} is not known yet"
    assert not peer.send(b"left out")
    peer.tick()
    gate.set()
    wait_until(lambda: after_tick(peer) is None)
    assert peer.send(b"here you are")
    assert receiver.recv(100) == b"here you are"
    peer.close()


def test_a_host_that_nobody_knows_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unknown(host: str, *_arguments: Any, **_options: Any) -> Any:  # noqa: ANN401
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = Clock()
    peer = open_peer("studio.example:9000", clock)
    assert peer.waiting == "studio.example:9000 cannot be reached: Name or service not known"
    peer.tick()
    assert len(asked) == 1, "not before it is time"
    clock.now += RETRY_S
    peer.tick()
    wait_until(lambda: len(asked) == 2)
    peer.close()


def test_hosts_that_nobody_answers_for_are_waited_for_together(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    real = socket.getaddrinfo
    asked: list[str] = []

    def slow(host: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        asked.append(host)
        if host.startswith("studio"):
            assert gate.wait(GENEROUS_S)
        return real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(datagram_peer, "FIRST_LOOKUP_S", 0.5)
    waits: list[float] = []
    result = AddressLookup.result

    def noted(lookup: AddressLookup, timeout: float) -> Any:  # noqa: ANN401
        waits.append(timeout)
        return result(lookup, timeout)

    monkeypatch.setattr(AddressLookup, "result", noted)
    peers = open_peers([f"studio{n}.example:9000" for n in range(4)] + [address_of(receiver)])
    assert len(asked) == 5
    assert max(waits[1:]) < 0.05, "the first one has used up the time of all"
    assert [peer.waiting is None for peer in peers] == [False] * 4 + [True]
    gate.set()
    for peer in peers:
        peer.close()


def test_a_host_keeps_its_fault_while_it_is_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()
    gate.set()

    def unknown(*_arguments: Any, **_options: Any) -> Any:  # noqa: ANN401
        gate.wait(GENEROUS_S)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = Clock()
    peer = open_peer("studio.example:9000", clock)
    gate.clear()
    clock.now += RETRY_S
    for _ in range(3):
        peer.tick()
        assert peer.waiting == "studio.example:9000 cannot be reached: Name or service not known"
    gate.set()
    peer.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Make every host name resolve to these addresses, in this order."""
    real = socket.getaddrinfo

    def find(_host: str, *arguments: Any, **options: Any) -> list[Any]:  # noqa: ANN401
        return [one for host in hosts for one in real(host, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", find)


def test_ipv4_comes_first(receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local receiver often listens on 127.0.0.1 only, but localhost may resolve to ::1 first."""
    resolve_to(monkeypatch, "::1", "127.0.0.1")
    peer = open_peer(address_of(receiver).replace("127.0.0.1", "localhost"))
    assert peer.send(b"here you are")
    assert receiver.recv(100) == b"here you are"
    peer.close()


def test_an_address_that_refuses_gives_way_to_the_next(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    clock = Clock()
    name = address_of(receiver).replace("127.0.0.1", "studio.example")
    peer = open_peer(name, clock)
    peer.send(b"to the wrong one")
    wait_until(lambda: after_tick(peer) is not None)
    clock.now += RETRY_S
    wait_until(lambda: after_tick(peer) is None)
    assert peer.send(b"here you are")
    assert receiver.recv(100) == b"here you are"
    peer.close()


def test_a_network_that_is_down_is_said_in_words(receiver: socket.socket) -> None:
    peer = open_peer(address_of(receiver))

    class Down:
        def send(self, _data: bytes) -> int:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

        def close(self) -> None: ...

    peer.close()
    peer._socket = Down()  # type: ignore[assignment]
    assert not peer.send(b"x")
    assert peer.waiting == f"{address_of(receiver)} cannot be reached: Network is unreachable"


def test_a_network_that_is_too_slow_is_no_fault(receiver: socket.socket) -> None:
    peer = open_peer(address_of(receiver))

    class Full:
        def send(self, _data: bytes) -> int:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    peer.close()
    peer._socket = Full()  # type: ignore[assignment]
    assert not peer.send(b"x")
    assert peer.waiting is None


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("localhost:9000", ("localhost", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        (" 10.0.0.255:1", ("10.0.0.255", 1)),
    ],
)
def test_addresses_are_split(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts
