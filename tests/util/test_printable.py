from __future__ import annotations

from pose_edge.util.printable import MAX_WORDS, printable


def test_what_steers_a_terminal_is_shown_instead() -> None:
    assert printable("a \x1b[31mred\x9b2J\x07") == "a \\x1b[31mred\\x9b2J\\x07"


def test_several_lines_become_one_and_long_ones_are_cut() -> None:
    assert printable("  one\r\n\ttwo ") == "one two"
    assert printable("x" * 1000) == "x" * (MAX_WORDS - 3) + "..."
