"""Texts of other machines and devices, made safe to print."""

from __future__ import annotations

from typing import Final

UNPRINTABLE: Final = {
    number: f"\\x{number:02x}"
    for number in (*range(0x20), *range(0x7F, 0xA0))
    if chr(number) not in "\t\n"
}
"""Control characters, as from the name of a device: they would steer the terminal, and the journal
would store a line with one as binary data."""

MAX_WORDS: Final = 100
"""Characters of what another machine says that fit into a message."""


def printable(words: str) -> str:
    """Return what another machine said as one short line without control characters."""
    line = " ".join(words.split()).translate(UNPRINTABLE)
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 3] + "..."
