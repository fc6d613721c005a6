from __future__ import annotations

import errno
import os
import socket

import pytest

from pose_edge.sources.network_errors import (
    explain_os_error,
    explain_status,
)


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (404, "", "there is nothing at /live (404 Not Found)"),
        (401, "No \x1b way", "user or password is wrong or missing (401 No way)"),
        (503, "", "the server answered 503 Service Unavailable to /live"),
        (999, "", "the server answered 999 to /live"),
    ],
)
def test_a_status_is_said_in_words(status: int, words: str, reason: str) -> None:
    assert explain_status(status, "/live", words)[0] == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "the name cam cannot be resolved"),
        (TimeoutError(), "no answer within 5 s"),
        (ConnectionRefusedError(), "connection refused by cam port 80"),
        (ConnectionResetError(), "the connection was closed"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "cam cannot be reached (no route to"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "Too many open files"),
    ],
)
def test_an_error_of_the_network_is_said_in_words(error: OSError, reason: str) -> None:
    assert explain_os_error(error, "cam", 80, 5.0)[0].startswith(reason)
