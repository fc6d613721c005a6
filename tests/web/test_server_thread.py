"""Tests of the server's thread when it is abandoned."""

from __future__ import annotations

from helpers import wait_until
from web_rig import get, serving

from pose_edge.web.listening import find_services
from pose_edge.web.server_thread import ServerThread


def test_a_thread_that_is_given_up_while_it_starts_never_serves() -> None:
    """While a thread still imports the library, its replacement may already be serving."""
    ticks: list[object] = []
    with serving() as rig:
        parts = rig.server._parts
        assert parts is not None
        late = ServerThread(
            parts,
            find_services(rig.settings),
            tick=lambda *arguments: ticks.append(arguments),
            failed=lambda *arguments: ticks.append(arguments),
        )
        late.abandon()
        late.start()
        wait_until(lambda: not late.thread.is_alive())
        assert ticks == []
        assert get(rig, "/healthz")[0] == 200
