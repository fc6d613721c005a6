from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from pose_edge.overlay import Drawing, Notices
from pose_edge.overlay.page_code import page_code


@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (1080, 1920)])
def test_a_phone_reads_the_address(size: tuple[int, int]) -> None:
    picture = page_code(size, "http://192.168.1.7:8080")
    assert picture.shape[0] < size[1] / 2
    grey = np.ascontiguousarray(picture[:, :, 0])
    read, _corners, _straight = cv2.QRCodeDetector().detectAndDecode(grey)
    assert read == "http://192.168.1.7:8080"


def test_without_the_library_the_address_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    picture = page_code((1280, 720), "http://192.168.1.7:8080")
    assert 0 < picture.shape[0] < 100
    assert picture[:, :, 0].min() < 100, "there is a text"


def test_the_code_is_shown_on_demand_and_while_something_is_missing() -> None:
    page: list[str] = []
    notices = Notices(page=lambda: page[0] if page else None)

    def change(*, waiting: bool = False, code: bool = False) -> tuple[bool, int]:
        """Return whether the screen had to be redrawn, and the number of stamps on it."""
        notices.waiting, notices.code = waiting, code
        stale = notices.stale
        overlay = notices.over(lambda _size, _place: Drawing())
        return stale, len(overlay((640, 480), (0, 0, 640, 480)).stamps)

    assert change(waiting=True) == (False, 0), "there is no page"
    page.append("http://192.168.1.7:8080")
    assert change(waiting=True) == (True, 1)
    assert change(waiting=True) == (False, 1)
    assert change() == (True, 0)
    assert change(code=True) == (True, 1)
