from __future__ import annotations

import numpy as np
import pytest

from pose_edge.live.keys import KEYS
from pose_edge.overlay import Drawing, Notices, Size, Stamp
from pose_edge.overlay.notices import TOAST_S

SCREENS = [(640, 480), (1280, 720), (1920, 1080), (1080, 1920)]


class Clock:
    now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns


def test_a_notice_is_shown_for_a_second_over_all_else() -> None:
    clock = Clock()
    notices = Notices(clock_ns=clock)
    below = Stamp(np.zeros((1, 1, 4), np.uint8), 0, 0)
    overlay = notices.over(lambda _size, _place: Drawing(stamps=[below]))
    size, place = (640, 480), (0, 0, 640, 480)
    assert overlay(size, place).stamps == [below]
    before = notices.stale
    notices.say("paused")
    assert (before, notices.stale) == (False, True)
    first, second = overlay(size, place).stamps
    assert first is below
    assert overlay(size, place).stamps[1].picture is second.picture, "as `Stamp` asks for"
    before = notices.stale
    clock.now_ns += round(TOAST_S * 1e9)
    assert (before, notices.stale) == (False, True)
    assert overlay(size, place).stamps == [below]


@pytest.mark.parametrize("size", SCREENS)
def test_keys_and_notices_fit_every_screen(size: Size) -> None:
    notices = Notices([(key.shown, key.meaning) for key in KEYS])
    notices.help = True
    notices.say("not changed: there is no camera 3: none are connected " * 3)
    table, notice = notices.stamps(size)
    for stamp in (table, notice):
        x, y, width, height = stamp.place
        assert 0 <= x < x + width <= size[0]
        assert 0 <= y < y + height <= size[1]
        assert abs(x + width / 2 - size[0] / 2) <= 1
    assert table.place[3] > 0.4 * min(size), "it can be read"
