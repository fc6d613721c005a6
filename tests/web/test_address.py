from __future__ import annotations

import socket

import pytest

from pose_edge.util.urls import Redactor
from pose_edge.web import address
from pose_edge.web.address import page_address
from pose_edge.web.listening import Place


def test_a_page_is_found_where_it_listens() -> None:
    assert page_address(Place("127.0.0.1", 8080)) == "http://127.0.0.1:8080"
    assert page_address(Place("::1", 80)) == "http://[::1]:80"
    assert page_address(Place("pi.local", 80)) == "http://pi.local:80"


def test_where_it_listens_at_all_addresses_it_is_that_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(address, "own_address", lambda: "192.168.1.7")
    assert page_address(Place("0.0.0.0", 8080)) == "http://192.168.1.7:8080"
    assert page_address(Place("::", 8080)) == "http://192.168.1.7:8080"
    monkeypatch.setattr(address, "own_address", lambda: None)
    assert page_address(Place("0.0.0.0", 8080)) == f"http://{socket.gethostname()}:8080"


def test_the_log_hides_nothing_of_it() -> None:
    line = f"30.0 fps; page {page_address(Place('127.0.0.1', 8080))}; 0 skipped"
    assert Redactor()(line) == line
