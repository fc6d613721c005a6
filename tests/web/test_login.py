from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.errors import OutputError
from pose_edge.web import login
from pose_edge.web.login import LoginAttempts, Sessions, is_token, read_token


class Clock:
    """A fake clock that only advances when `now` is changed."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_token_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("  correct-horse \nmore\n", encoding="utf-8")
    assert read_token(str(tmp_path / "token")) == "correct-horse"
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbfcorrect-horse\r\n")  # as Windows writes it
    assert read_token(str(tmp_path / "token")) == "correct-horse"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe"])
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(OutputError, match=r"web\.token_file"):
        read_token(str(tmp_path / "token"))
    with pytest.raises(OutputError, match="No such file"):
        read_token(str(tmp_path / "missing"))


def test_tokens_are_compared_whatever_they_consist_of() -> None:
    assert is_token("naïve-token", "naïve-token")
    assert not is_token("\udcff", "token")
    assert not is_token("", "token")


def test_a_session_lasts_until_its_end() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    name = sessions.begin()
    assert len(name) >= 32
    assert sessions.knows(name)
    assert not sessions.knows(name + "x")
    sessions.end(name)
    assert not sessions.knows(name)
    name = sessions.begin()
    clock.now += login.SESSION_S
    assert not sessions.knows(name)


def test_only_so_many_sessions_are_remembered() -> None:
    sessions = Sessions()
    first = sessions.begin()
    second = sessions.begin()
    for _ in range(login.SESSIONS - 1):
        assert sessions.knows(first)  # in use, so it stays
        sessions.begin()
    assert sessions.knows(first)
    assert not sessions.knows(second)


def test_each_wrong_attempt_waits_longer_up_to_a_limit() -> None:
    clock = Clock()
    attempts = LoginAttempts(clock)
    waits = []
    for _ in range(30):
        attempts.failed("192.0.2.7")
        waits.append(attempts.wait_s("192.0.2.7"))
        clock.now += waits[-1]
        assert attempts.wait_s("192.0.2.7") == 0
    assert waits[:5] == [0, 0, 1, 2, 4]
    assert waits == sorted(waits)
    assert waits[-1] == login.LONGEST_WAIT_S
    assert attempts.wait_s("192.0.2.8") == 0
    attempts.succeeded("192.0.2.7")
    attempts.failed("192.0.2.7")
    assert attempts.wait_s("192.0.2.7") == 0


def test_the_addresses_of_one_home_count_as_one() -> None:
    attempts = LoginAttempts()
    for number in range(6):
        attempts.failed(f"2001:db8::{number}")
    assert attempts.wait_s("2001:db8::99") > 0
    assert attempts.wait_s("2001:db8:1::1") == 0
    for _ in range(6):
        attempts.failed("::ffff:192.0.2.7")
    assert attempts.wait_s("192.0.2.7") > 0


def test_only_so_many_addresses_are_remembered() -> None:
    attempts = LoginAttempts()
    for number in range(3 * login.REMEMBERED):
        attempts.failed(f"10.0.{number >> 8}.{number & 255}")
    assert len(attempts._failed) == login.REMEMBERED
