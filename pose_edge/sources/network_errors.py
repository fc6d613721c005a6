"""Explanations, for users, of why a network camera cannot be reached."""

from __future__ import annotations

import errno
import socket
from http import HTTPStatus
from typing import Final

from pose_edge.util.text import one_line

Reason = tuple[str, str | None]
"""What is wrong, and a remedy or None."""

NETWORK: Final = "is the address right, and the camera on and in the same network?"
SERVER: Final = "is the port right, and the camera's server on?"
NAME: Final = "is it right, and the network up?"
REACHING: Final = frozenset((NETWORK, SERVER, NAME))
"""Remedies for a camera that cannot be reached at all."""

NO_PICTURE_S: Final = 60.0
"""Longest time without a decoded picture, seconds; then connecting again is more promising, even if
data arrives. Some cameras send a key frame only every 20 s."""

UNREACHABLE: Final = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN))


def explain_unresolved(host: str) -> Reason:
    """Return the reason for a host name that cannot be resolved."""
    return f"the name {one_line(host)} cannot be resolved", NAME


def explain_status(status: int, path: str, words: str = "") -> Reason:
    """Return the reason for an error status of HTTP or RTSP.

    Args:
        status: Status code, e.g. 404.
        path: Requested path, without its query.
        words: Reason phrase from the server; "" for the standard's phrase.
    """
    try:
        words = words or HTTPStatus(status).phrase
    except ValueError:  # a status code that is not standard
        words = ""
    answer = f"{status} {one_line(words)}".strip()
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        why = f"user or password is wrong or missing ({answer})"
        return why, "write them into the address: http://USER:PASSWORD@... or rtsp://..."
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return f"there is nothing at {one_line(path)} ({answer})", "is the path right?"
    return f"the server answered {answer} to {one_line(path)}", None


def explain_os_error(error: OSError, host: str, port: int | None, limit_s: float) -> Reason:
    """Return the reason for a network error.

    Args:
        error: The error from the operating system.
        host: Host name or IP address of the camera.
        port: Port of the camera; None where unknown.
        limit_s: The time limit that applied, seconds.
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
