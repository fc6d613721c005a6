from __future__ import annotations

import numpy as np
from canvases import SIZES
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.overlay.message import message_picture


@settings(max_examples=30, deadline=None)
@given(SIZES, st.text(max_size=80), st.lists(st.text(max_size=200), max_size=4))
def test_any_message_fills_the_picture(size: tuple[int, int], title: str, lines: list[str]) -> None:
    picture = message_picture(size, title, lines)
    assert picture.shape == (size[1], size[0], 4)
    assert (picture[:, :, 3] == 255).all()


def test_a_message_is_dark_and_centred() -> None:
    message = message_picture((640, 480), "No camera", ["waiting since 12:03, tried /dev/video0"])
    rows, columns = np.nonzero((message != message[0, 0]).any(axis=2))
    assert abs(columns.min() + columns.max() - 639) < 10
    assert abs(rows.min() + rows.max() - 479) < 40
    assert message[0, 0, :3].max() < 40  # not to glare in a dim room
