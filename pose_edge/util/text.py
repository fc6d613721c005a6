"""Functions for messages: texts from outside made safe for terminals and logs, and plurals."""

from __future__ import annotations

from typing import Final

INVISIBLE: Final = {
    number: f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
    for number in (
        *(one for one in range(0x20) if chr(one) not in "\t\n"),
        *range(0x7F, 0xA0),
        *(0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)),
        *range(0xD800, 0xE000),
    )
}
"""Escapes of characters that control a terminal, end a line or change the writing direction, and of
surrogates, which no encoding has."""


def printable(text: str) -> str:
    """Return a text with its control characters escaped, except tabs and ends of lines.

    Names of devices and files, and the answers of servers, may contain control characters. A
    terminal would obey them, and the journal would store a line with one as binary data.
    """
    return text.translate(INVISIBLE)


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the singular or plural of what is counted.

    >>> counted(1, "frame"), counted(2, "frame"), counted(1, "thread hangs", "threads hang")
    ('1 frame', '2 frames', '1 thread hangs')
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def one_line(said: object, length: int = 300) -> str:
    """Return a message from a server, library or file as one line without control characters.

    Args:
        said: The message, or an object whose `str` it is.
        length: Most characters of the result; a longer text is cut and ends with "...".
    """
    text = "".join(letter if letter.isprintable() else " " for letter in str(said))
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 3]}..."
