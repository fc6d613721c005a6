from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.errors import UsageError
from pose_edge.service import places
from pose_edge.service.places import checked_prefix


@pytest.mark.parametrize("text", ["/opt/pose-edge", "/srv/pose_edge-2.0+x", "/usr/local/lib/pe"])
def test_places_that_will_do(text: str) -> None:
    assert checked_prefix(text) == Path(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/home/pi/pose", "cannot see /home"),
        ("/tmp/pose", "cannot see /tmp"),
        ("/opt", "folder of its own"),
        ("/", "absolute path"),
        ("opt/pose", "absolute path"),
        ("/opt/my pose", "absolute path"),
        ("/opt/../etc", "absolute path"),
        ("/opt/%n", "absolute path"),
        ("/opt/pose/", "absolute path"),
    ],
)
def test_places_that_will_not(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        checked_prefix(text)


def test_a_place_that_others_may_write_will_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "HIDDEN", ())
    for text in ("/tmp/pose-edge", "/var/tmp/pose-edge/x"):
        with pytest.raises(UsageError, match=r"others than root may write /(var/)?tmp, "):
            checked_prefix(text)
