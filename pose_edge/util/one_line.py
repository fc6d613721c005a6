"""Text that others have written, made safe to show."""

from __future__ import annotations


def one_line(said: object, length: int = 200) -> str:
    """Return what a server, library or file says as one line without control characters.

    Args:
        said: Its text.
        length: The most characters that are kept, from the beginning.
    """
    text = "".join(letter if letter.isprintable() else " " for letter in str(said))
    return " ".join(text.split())[:length]
