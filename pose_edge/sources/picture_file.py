"""Reading of picture files of many formats: upright, as BGR, with a limit on their size.

Pillow decodes them: it supports more formats than OpenCV, detects a truncated file (OpenCV returns
grey instead), and gives the size before anything is decoded. It takes 114 ms for a 12-megapixel
JPEG where OpenCV takes 61 ms; the pixels are the same.
"""

from __future__ import annotations

import ctypes
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.errors import SourceError
from pose_edge.frames import Image
from pose_edge.sources.orientation import read_orientation, turned_upright

if TYPE_CHECKING:
    from PIL import Image as PillowImage

FORMATS: Final[tuple[str, ...]] = (
    *("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "HEIF", "JPEG2000"),
    *("PPM", "QOI"),
)
"""Pillow formats that are read. Others hold documents or are recognised by their suffix only."""
ANIMATED_FORMATS: Final = ("GIF", "PNG", "WEBP", "AVIF")
"""Formats whose further pictures are the frames of an animation, not pages or previews."""
MAX_PIXELS: Final = 1 << 27
"""Largest number of pixels of a picture: 134 million; the largest pictures of phones have 108."""
MAX_SIDE: Final = 65_500
"""Longest side of a picture, pixels. It is JPEG's limit, so that every picture can be written."""
BYTES_PER_PIXEL: Final = 29
"""Memory per pixel that `annotate` needs for large pictures with a full frame ring, bytes
(measured)."""
HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
"""Brands that identify HEIC files."""
SUBFILE_TYPE: Final = 254
"""TIFF tag whose lowest bit marks a preview."""


def read_picture(path: Path) -> Image:
    """Read a picture, upright, as uint8 (height, width, 3) BGR.

    Only the first picture of a file is read. Transparent areas become white.

    Raises:
        SourceError: The file cannot be read, is not a picture, or is too large.
    """
    with open_picture(path) as picture:
        return to_bgr(picture)


def identify(path: Path) -> tuple[str, int] | None:
    """Return a file's format and its number of pictures, or None if it cannot be read as one."""
    try:
        with open_picture(path) as picture:
            return str(picture.format), count_pictures(picture)
    except SourceError:
        return None


def count_pictures(picture: PillowImage.Image) -> int:
    """Return the number of pictures in a file; further views and previews in MPO do not count."""
    return 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))


@contextmanager
def open_picture(path: Path) -> Iterator[PillowImage.Image]:
    """Open a picture without decoding it, and close it afterwards.

    Yields:
        The picture. Its size was checked, so it may be decoded.

    Raises:
        SourceError: The picture cannot be opened or decoded; the message says why.
    """
    with faults_explained(path), ExitStack() as stack:
        yield open_until(stack, path)


def open_until(stack: ExitStack, path: Path) -> PillowImage.Image:
    """Open a picture that `stack` will close; to be called inside `faults_explained`."""
    picture = stack.enter_context(_open(stack.enter_context(_open_regular(path))))
    _check(picture)
    return picture


@contextmanager
def faults_explained(path: Path) -> Iterator[None]:
    """Turn any error of Pillow into a SourceError that names the file and the reason."""
    from PIL import Image as PillowImage

    def fault(reason: str, remedy: str | None = None) -> SourceError:
        return SourceError(f"{path} is not a picture that can be read: {reason}", remedy=remedy)

    try:
        # Pillow warns about large pictures and faulty metadata; neither matters here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PillowImage.DecompressionBombError as error:
        raise fault(f"it is too large ({str(error).partition(', could')[0]})") from error
    except MemoryError as error:
        raise fault("there is not enough memory for it") from error
    except SourceError as error:
        raise fault(error.message, error.remedy) from error
    except OSError as error:
        if error.strerror:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
        raise fault(f"it is damaged or cut off ({error})") from error
    except Exception as error:  # Pillow raises errors of any type for damaged files
        raise fault(f"it is damaged ({type(error).__name__}: {error})") from error


def _open_regular(path: Path) -> BinaryIO:
    """Open a regular file; refuse anything that may block, such as a named pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise SourceError("it is not a file")


def _open(file: BinaryIO) -> PillowImage.Image:
    from PIL import Image as PillowImage
    from PIL import UnidentifiedImageError

    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    PillowImage.init()
    known = [name for name in FORMATS if name in PillowImage.OPEN]  # AVIF and HEIF may be missing
    try:
        picture = PillowImage.open(file, formats=known)
    except UnidentifiedImageError as error:
        file.seek(0)
        head = file.read(12)
        if not head:
            raise SourceError("it is empty") from error
        if "HEIF" not in known and head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
            raise SourceError("it is HEIC", remedy="pip install pillow-heif") from error
        raise SourceError("its format is unknown, or it is damaged") from error
    if picture.format == "TIFF":
        _silence_libtiff()
    return picture


def _silence_libtiff() -> None:
    """Stop libtiff from printing a file's errors to standard error; Pillow raises them anyway.

    Pillow has no setting for this. libtiff's functions are looked up through Pillow's extension
    module, which is linked to libtiff.
    """
    from PIL import _imaging

    with suppress(AttributeError, OSError):  # built without libtiff, or into the interpreter
        library = ctypes.CDLL(_imaging.__file__)
        for setter in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
            setter(None)


def _check(picture: PillowImage.Image) -> None:
    """Raise SourceError for a picture that is too large, or that is a camera's raw file."""
    width, height = picture.size
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    pixels = min(MAX_PIXELS, memory // BYTES_PER_PIXEL)
    if width * height > pixels:
        raise SourceError(
            f"it is too large: {width}x{height} pixels, and at most {pixels / 1e6:.0f} million fit"
        )
    if max(width, height) > MAX_SIDE:
        raise SourceError(f"it is too large: {width}x{height} pixels, at most {MAX_SIDE} a side")
    if picture.format == "TIFF" and picture.tag_v2.get(SUBFILE_TYPE, 0) & 1:  # type: ignore[attr-defined]
        raise SourceError("it is a camera's raw file", remedy="convert it to TIFF or JPEG")


def to_bgr(picture: PillowImage.Image) -> Image:
    """Decode an open picture (or its current frame) to upright uint8 (height, width, 3) BGR.

    Raises:
        SourceError: The value range of its pixels is not known.
        Exception: The file is damaged; Pillow raises errors of any type (see `faults_explained`).
    """
    picture.load()
    return turned_upright(_decoded(picture), read_orientation(picture))


def _decoded(picture: PillowImage.Image) -> Image:
    if picture.has_transparency_data:
        picture = _on_white(picture)
    if picture.mode.startswith("I"):
        return _of_16_bits(np.asarray(picture))
    if picture.mode == "F":
        raise SourceError("its pixels are floating-point numbers", remedy="convert it to 16 bit")
    if picture.mode in ("1", "L"):
        grey = np.asarray(picture.convert("L"))
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    rgb = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _on_white(picture: PillowImage.Image) -> PillowImage.Image:
    from PIL import Image as PillowImage

    colours = picture.convert("RGBA")
    white = PillowImage.new("RGBA", colours.size, "white")
    return PillowImage.alpha_composite(white, colours).convert("RGB")


def _of_16_bits(values: NDArray[Any]) -> Image:
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise SourceError("its pixels have 32 bits", remedy="convert it to 16 bit")
    grey = (values >> 8).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
