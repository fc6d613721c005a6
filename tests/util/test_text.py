from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.util.text import counted, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\tparts\nand a line", "two\tparts\nand a line"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\r\x08\x7f\x9b\x00", "\\x0d\\x08\\x7f\\x9b\\x00"),
        ("gpj.\u202eexe\u2066", "gpj.\\u202eexe\\u2066"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff.mp4", "\\udcff.mp4"),
        ("caf\u00e9 \u4f60\u597d \U0001f600", "caf\u00e9 \u4f60\u597d \U0001f600"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


@given(st.text(st.characters()))
def test_no_control_character_is_left(text: str) -> None:
    left = set(printable(text)) - {"\t", "\n"}
    assert not {one for one in left if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J\x1b]0;gone\x07 two\nlines\t\r", "[2J ]0;gone two lines"),
        ("\u202eright to left", "right to left"),
        (ValueError("an error"), "an error"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 297 + "..."),
        ("", ""),
    ],
)
def test_what_others_say_is_one_line_without_control_characters(said: object, shown: str) -> None:
    assert one_line(said) == shown


def test_one_is_not_many() -> None:
    assert [counted(number, "frame") for number in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
    assert counted(1, "thread hangs", "threads hang") == "1 thread hangs"
    assert counted(2, "thread hangs", "threads hang") == "2 threads hang"
