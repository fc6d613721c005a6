"""Tests of the page's static files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "pose_edge" / "web" / "static"
LEAST_CONTRAST = 4.5
"""Least contrast ratio for text of normal size in WCAG 2.2, level AA."""


def palettes() -> list[dict[str, str]]:
    """Return the light and the dark palette of the style sheet: colours by variable name."""
    style = (STATIC / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block)) for block in blocks]


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1...21, as WCAG defines it."""
    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_every_text_can_be_read(palette: dict[str, str]) -> None:
    pairs = [
        *((ink, ground) for ink in ("ink", "soft", "accent") for ground in ("ground", "card")),
        ("bad", "fault"),
        ("bad", "ground"),
        ("on-accent", "accent"),
        ("card", "bad"),
    ]
    found = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in pairs}
    assert {pair: round(ratio, 1) for pair, ratio in found.items() if ratio < LEAST_CONTRAST} == {}


def test_the_page_is_small() -> None:
    assert sum(path.stat().st_size for path in STATIC.iterdir()) <= 60_000


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_code_in_its_markup() -> None:
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s\"'<>)]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name
        assert not re.search(r"<[^>]+\s(on\w+|style)=", text), path.name
    script = (STATIC / "page.js").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", script)
