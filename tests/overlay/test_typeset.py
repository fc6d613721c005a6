from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from pose_edge.overlay.typeset import Lettering, load_font, wrap


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_lettering_takes_the_room_that_it_says(text: str) -> None:
    printable = "".join(letter for letter in text if letter.isprintable())
    lettering = Lettering(20)
    length = lettering.length(printable)
    picture = PillowImage.new("RGBA", (round(length) + 60, 60))
    lettering.write(picture, 30, 40, printable, (255, 255, 255))
    columns = np.nonzero(np.asarray(picture)[:, :, 3].any(axis=0))[0]
    if len(columns):
        assert 30 - 12 <= columns.min() <= columns.max() <= 30 + length + 12


def test_lettering_looks_as_the_font_sets_it() -> None:
    text = "camera 29.9 fps"
    ours = PillowImage.new("RGBA", (300, 40))
    Lettering(24).write(ours, 5, 30, text, (255, 255, 255))
    pillows = PillowImage.new("RGBA", (300, 40))
    ImageDraw.Draw(pillows).text(
        (5, 30), text, fill=(255, 255, 255), anchor="ls", font=load_font(24)
    )
    first, second = (np.asarray(p)[:, :, 3].astype(int) for p in (ours, pillows))
    assert first.max() == 255
    # A word may be shifted by up to half a pixel.
    assert abs(first.sum() / second.sum() - 1) < 0.05
    assert np.abs(first.sum(axis=1) - second.sum(axis=1)).max() < 0.15 * second.sum(axis=1).max()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120), st.integers(1, 400), st.integers(1, 4))
def test_wrapped_rows_fit(text: str, width: int, max_rows: int) -> None:
    font = load_font(16)
    rows = wrap(text, font.getlength, width, max_rows)
    assert 1 <= len(rows) <= max_rows
    if width >= 60:  # room for "..." and the widest letter
        assert all(font.getlength(row) <= width for row in rows)


def test_wrapping_breaks_at_spaces_and_says_where_it_cuts() -> None:
    length = load_font(16).getlength
    text = "the camera at /dev/video0 sends nothing"
    assert wrap(text, length, 1000, 3) == [text]
    rows = wrap(text, length, 150, 9)
    assert " ".join(rows) == text
    assert len(rows) > 1
    (row,) = wrap(text, length, 150, 1)
    assert row.endswith("...")
    assert text.startswith(row[:-3])
    assert wrap("one\ntwo\x00three", length, 1000, 1) == ["one two three"]
