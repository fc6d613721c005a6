"""Names of drawn pictures. Some formats can be read but not written; their copies are JPEGs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

WRITTEN_SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff")
)
"""Suffixes of the formats that can be written; the copy of any other format is a JPEG."""


def name_in_folder(name: str) -> str:
    """Return the file name for the drawn copy of a picture from a folder.

    The original suffix is kept, because the folder may hold both a.heic and a.jpg.

    >>> name_in_folder("a.png"), name_in_folder("a.heic")
    ('a.png', 'a.heic.jpg')
    """
    return name if _is_written(name) else f"{name}.jpg"


def name_alone(name: str) -> str:
    """Return the file name for the drawn copy of a single picture.

    >>> name_alone("a.png"), name_alone("a.heic")
    ('a-poses.png', 'a-poses.jpg')
    """
    path = Path(name)
    return f"{path.stem}-poses{path.suffix if _is_written(name) else '.jpg'}"


def _is_written(name: str) -> bool:
    return Path(name).suffix.lower() in WRITTEN_SUFFIXES
