from __future__ import annotations

import pytest

from pose_edge.util.one_line import one_line


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J\x1b]0;gone\x07 two\nlines\t\r", "[2J ]0;gone two lines"),
        ("\u202eright to left", "right to left"),
        (ValueError("an error"), "an error"),
        ("x" * 1000, "x" * 200),
        ("", ""),
    ],
)
def test_what_others_say_is_one_line_without_control_characters(said: object, shown: str) -> None:
    assert one_line(said) == shown
