"""Why a network camera cannot be reached, in words for people."""

from __future__ import annotations

import errno
import socket
from http import HTTPStatus
from typing import Final

from pose_edge.util.text import one_line

Reason = tuple[str, str | None]
"""What is wrong, and what to do about it."""

NETWORK: Final = "is the address right, and the camera on and in the same network?"
SERVER: Final = "is the port right, and the camera's server on?"
NAME: Final = "is it right, and the network up?"
REACHING: Final = frozenset((NETWORK, SERVER, NAME))
"""What to do where a camera cannot be reached at all."""

NO_PICTURE_S: Final = 60.0
"""Some cameras send a key frame every 20 s only. After this long without a picture, packets or not,
connecting again is more promising."""

UNREACHABLE: Final = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN))


def explain_unresolved(host: str) -> Reason:
    """Return the reason when a host's name has no address."""
    return f"the name {one_line(host)} cannot be resolved", NAME


def explain_status(status: int, path: str, words: str = "") -> Reason:
    """Return the reason when a server answers with an error.

    Args:
        status: The number, as 404.
        path: What was asked for, without its query.
        words: What the server says besides; by default the standard's words.
    """
    try:
        words = words or HTTPStatus(status).phrase
    except ValueError:  # a number of the server's own
        words = ""
    answer = f"{status} {one_line(words)}".strip()
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        why = f"user or password is wrong or missing ({answer})"
        return why, "write them into the address: http://USER:PASSWORD@... or rtsp://..."
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return f"there is nothing at {one_line(path)} ({answer})", "is the path right?"
    return f"the server answered {answer} to {one_line(path)}", None


def explain_os_error(error: OSError, host: str, port: int | None, limit_s: float) -> Reason:
    """Return the reason of an error of the network.

    Args:
        error: As the system raised it.
        host: The camera's host.
        port: Its port, None where unknown.
        limit_s: The time limit, seconds.
    """
    where = f"{host} port {port}" if port else host
    if isinstance(error, socket.gaierror):
        return explain_unresolved(host)
    if isinstance(error, TimeoutError):
        return f"no answer within {limit_s:g} s", NETWORK
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused by {where}", SERVER
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "the connection was closed", None
    if error.errno in UNREACHABLE:
        return f"{host} cannot be reached ({(error.strerror or '').lower()})", NETWORK
    return one_line(error.strerror or str(error) or type(error).__name__), NETWORK
