from __future__ import annotations

import socket

import pytest

from pose_edge.web.origin import is_embedded, is_known_host, is_own_origin, machine_names

KNOWN = frozenset({"localhost", "pi", "pi.local"})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "192.168.1.7", "[::1]:8080", "localhost:8080", "PI.local", "pi:80", "pi."],
)
def test_this_machine_is_known(host: str) -> None:
    assert is_known_host(host, KNOWN)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "pi.evil.example:8080", "evil@127.0.0.1", "127.0.0.1/", "[::1", "a b"],
)
def test_other_names_are_not(host: str) -> None:
    assert not is_known_host(host, KNOWN)


def test_the_machine_knows_its_own_names_and_none_that_others_can_register() -> None:
    names = machine_names()
    short = socket.gethostname().lower().partition(".")[0]
    assert {"localhost", short, f"{short}.local"} <= names
    assert f"{short}.com" not in names


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://pi.local", "pi.local"),
        ("http://pi.local:80", "pi.local"),
        ("https://pose.example", "pose.example"),
        ("https://pose.example", "127.0.0.1:8080"),
    ],
)
def test_our_own_pages_are_ours_also_behind_a_proxy(origin: str, host: str) -> None:
    assert is_own_origin(origin, "same-origin", host, frozenset({"pose.example"}))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "file://",
        "http://127.0.0.1:8081",
        "https://127.0.0.1",
        "http://127.0.0.1.evil.example:8080",
        "http://[::1",
        "ftp://127.0.0.1:8080",
    ],
)
def test_other_pages_are_not(origin: str) -> None:
    assert not is_own_origin(origin, None, "127.0.0.1:8080", frozenset())


def test_without_an_origin_the_kind_of_the_request_counts() -> None:
    assert is_own_origin(None, None, "pi", frozenset())  # a program
    assert is_own_origin(None, "same-origin", "pi", frozenset())
    assert not is_own_origin(None, "cross-site", "pi", frozenset())


def test_a_strangers_page_may_lead_here_but_not_show_parts_of_ours() -> None:
    assert is_embedded("cross-site", "no-cors")
    assert is_embedded("same-site", "cors")
    assert not is_embedded("cross-site", "navigate")
    assert not is_embedded("same-origin", "no-cors")
    assert not is_embedded(None, None)
