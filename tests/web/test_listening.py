from __future__ import annotations

from typing import Any

import pytest

from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError
from pose_edge.web.listening import Place, Service, find_services, needs_token, parse_place


def settings(**sections: dict[str, Any]) -> Settings:
    return Settings.model_validate(sections)


def test_without_a_host_only_this_machine_is_served() -> None:
    assert parse_place("8080") == Place("127.0.0.1", 8080)
    assert parse_place("8080").local
    assert parse_place("[::1]:80").local
    assert parse_place("localhost:80").local
    assert parse_place("[::]:80") == Place("::", 80)
    assert str(parse_place("[::]:80")) == "[::]:80"
    for wide in ("0.0.0.0:80", "[::]:80", "192.168.1.7:80", "pi.local:80"):
        assert not parse_place(wide).local
    with pytest.raises(UsageError, match="65535"):
        parse_place("65536")


def test_nothing_is_served_unless_it_is_wanted() -> None:
    assert find_services(Settings()) == {}


def test_services_of_one_place_share_a_server() -> None:
    found = find_services(
        settings(
            web={"enabled": True, "listen": "8080"},
            websocket={"listen": "127.0.0.1:8080"},
            metrics={"listen": "9100"},
        )
    )
    assert found == {
        Place("127.0.0.1", 8080): {Service.PAGE, Service.POSES},
        Place("127.0.0.1", 9100): {Service.METRICS},
    }
    assert find_services(settings(display={"kind": "web"})) == {
        Place("127.0.0.1", 8080): {Service.PAGE}
    }


def test_people_log_in_from_elsewhere_or_where_a_token_is_set() -> None:
    plain = Settings().web
    assert not needs_token(parse_place("8080"), plain)
    assert needs_token(parse_place("0.0.0.0:8080"), plain)
    assert needs_token(parse_place("8080"), settings(web={"token_file": "/etc/token"}).web)
