"""Send datagrams to a host and port; the host is looked up again after each failure."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

MAX_DATAGRAM: Final = 65_507
"""Largest payload of an IPv4 datagram, bytes. One that exceeds the network's packets (about 1,470
bytes) is fragmented, and arrives complete or not at all."""
FIRST_LOOKUP_S: Final = 2.0
"""Timeout of the first address lookups of an output, seconds; its first frames wait for them."""
RETRY_S: Final = 2.0
"""Seconds between two attempts to reach a host."""
SETTLE_S: Final = 0.5
"""Seconds without a refusal after which a peer counts as reached."""

NOT_NOW: Final = frozenset((errno.EAGAIN, errno.ENOBUFS))
"""Errors of a network that is slower than the frames: only the current datagram is lost."""


class AddressLookup:
    """Looks up the address of a host in a thread, as the system's resolver may take a minute."""

    def __init__(self, host: str, port: int) -> None:
        """Start the thread."""
        self._host = host
        self._port = port
        self._found: list[Any] = []
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._look, name="lookup", daemon=True)
        self._thread.start()

    def result(self, timeout: float) -> list[Any] | None:
        """Return the result of `socket.getaddrinfo`, or None after `timeout` seconds without one.

        Raises:
            OSError: The address cannot be found.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return self._found

    def _look(self) -> None:
        try:
            self._found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        except OSError as error:
            self._error = error
        except UnicodeError as error:  # an invalid host name
            self._error = OSError(str(error))


class DatagramPeer:
    """Sends datagrams to one host, and looks it up again whenever it cannot be reached.

    Nothing here blocks except `wait`.

    Attributes:
        waiting: Why nothing can be sent at present, or None; see `Writer`.
        target: The peer, once it is known to be reached, else None; see `Writer`.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Start to look up the host; return at once.

        Args:
            address: HOST:PORT.
            clock: Returns the time of a monotonic clock, seconds.
        """
        self._name = address
        self._clock = clock
        self._socket: socket.socket | None = None
        self._sent_s: float | None = None
        self._retry_s = 0.0
        self._failures = 0
        self.waiting: str | None = None
        self.target: str | None = None
        self._lookup: AddressLookup | None = AddressLookup(*split_address(address))

    def wait(self, timeout: float) -> None:
        """Wait for the address for at most `timeout` seconds."""
        if self._lookup is not None:
            self._take_address(self._lookup, timeout)

    def send(self, data: bytes) -> bool:
        """Send a datagram of at most `MAX_DATAGRAM` bytes; return whether it was sent."""
        if self._socket is None:
            return False
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno not in NOT_NOW:
                self._lose(error)
            return False
        self._sent_s = self._sent_s or self._clock()
        return True

    def tick(self) -> None:
        """Check whether the peer can be reached, and retry when due; see `Writer.tick`."""
        now = self._clock()
        if self._lookup is not None:
            self._take_address(self._lookup, 0.0)
        elif self._socket is None:
            if now >= self._retry_s:
                self._lookup = AddressLookup(*split_address(self._name))
        elif refused := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lose(OSError(refused, os.strerror(refused)))
        elif self._sent_s is not None and now - self._sent_s >= SETTLE_S:
            self.target = self._name

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _take_address(self, lookup: AddressLookup, timeout: float) -> None:
        """Connect to the address as soon as the lookup has finished."""
        try:
            found = lookup.result(timeout)
            if found is None:
                # A host that is looked up again keeps the reason why it could not be reached.
                self.waiting = self.waiting or f"the address of {self._name} is not known yet"
                return
            self._lookup = None
            self._connect(found)
        except OSError as error:
            self._lookup = None
            self._lose(error)

    def _connect(self, found: list[Any]) -> None:
        """Connect a socket to the next address that has a route, so that refusals are reported.

        IPv4 addresses come first: many receivers listen only on IPv4, even as localhost.
        """
        failure = OSError("it has no address")
        found = sorted(found, key=lambda one: one[0] != socket.AF_INET)
        turn = self._failures % max(1, len(found))
        for family, kind, protocol, _canonical, address in [*found[turn:], *found[:turn]]:
            try:
                opened = socket.socket(family, kind, protocol)
            except OSError as error:  # no IPv6 on this machine
                failure = error
                continue
            try:
                opened.setblocking(False)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
                continue
            self._socket, self._sent_s, self.waiting = opened, None, None
            return
        raise failure

    def _lose(self, error: OSError) -> None:
        """Close the socket; the host is looked up again after `RETRY_S`."""
        self.close()
        self.target = None
        self._failures += 1
        self._retry_s = self._clock() + RETRY_S
        if error.errno == errno.ECONNREFUSED:
            self.waiting = f"nobody listens at {self._name}"
        else:
            self.waiting = f"{self._name} cannot be reached: {_reason(error)}"


def open_peers(
    addresses: Sequence[str], clock: Callable[[], float] = time.monotonic
) -> list[DatagramPeer]:
    """Return the peers at some addresses, after waiting for all lookups for `FIRST_LOOKUP_S`.

    Args:
        addresses: HOST:PORT of each peer.
        clock: Returns the time of a monotonic clock, seconds.
    """
    peers = [DatagramPeer(address, clock) for address in addresses]
    deadline_s = time.monotonic() + FIRST_LOOKUP_S
    for peer in peers:
        peer.wait(max(0.0, deadline_s - time.monotonic()))
    return peers


def split_address(address: str) -> tuple[str, int]:
    """Split HOST:PORT into host and port; an IPv6 address is in brackets."""
    host, _colon, port = address.strip().rpartition(":")
    return host.strip("[]"), int(port)


def _reason(error: OSError) -> str:
    """Return the message of the system, or of the resolver, for an error."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)
