"""Pictures for calibration, cropped as in normal use of the models.

Pictures on which accuracy is measured, such as COCO's val2017, must not be used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ENDINGS = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}

MARGIN = 1.25
"""Size of the crop around a person, relative to the smallest crop that contains the box."""

BLANK_LEVELS = (0, 32, 64, 96, 128, 160, 192, 224, 255)
"""Grey levels of the uniform blank pictures."""

BLANK_BLURS = (4, 8, 16)
"""Standard deviations of the blur of the other blank pictures, pixels."""

MIN_SIDE = 64
"""Shortest allowed longer side of a person's box, pixels; smaller people are too blurred."""


class SamplesError(Exception):
    """The calibration pictures are missing or cannot be read."""


@dataclass(frozen=True)
class Sample:
    """One picture to calibrate with.

    Attributes:
        name: File name, which identifies the picture in the manifest.
        path: The file.
        boxes: Boxes of the people as x, y, width, height in pixels; empty if not annotated.
    """

    name: str
    path: Path
    boxes: tuple[tuple[float, float, float, float], ...] = ()


def find(source: Path) -> list[Sample]:
    """List the pictures of a folder or of a COCO file.

    Args:
        source: A folder of pictures, or a COCO JSON file beside a folder of the same name with the
            pictures.

    Returns:
        The pictures, ordered by name, so that the same pictures give the same model.

    Raises:
        SamplesError: The COCO file is invalid, there are no pictures, or a listed one is missing.
    """
    if source.is_dir():
        paths = [path for path in source.iterdir() if path.suffix.lower() in ENDINGS]
        samples = [Sample(path.name, path) for path in paths]
    else:
        samples = _of_coco(source)
    if not samples:
        raise SamplesError(f"{source}: no pictures to calibrate with")
    missing = [sample.path for sample in samples if not sample.path.is_file()]
    if missing:
        raise SamplesError(f"{source}: picture {missing[0]} is missing")
    return sorted(samples, key=lambda sample: sample.name)


def _of_coco(source: Path) -> list[Sample]:
    try:
        data = json.loads(source.read_text(encoding="utf-8"))
        boxes: dict[int, list[tuple[float, float, float, float]]] = {}
        for person in data["annotations"]:
            x, y, width, height = person["bbox"]
            if max(width, height) >= MIN_SIDE and not person.get("iscrowd"):
                boxes.setdefault(person["image_id"], []).append((x, y, width, height))
        folder = source.with_suffix("")
        return [
            Sample(
                image["file_name"], folder / image["file_name"], tuple(boxes.get(image["id"], ()))
            )
            for image in data["images"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SamplesError(f"{source} is no COCO file: {error}") from error


def inputs(samples: Sequence[Sample], shape: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """Yield the model inputs for some pictures: each whole picture, then a crop of each person.

    A single-person model is given both in use: the whole frame, then crops of the tracked person.

    Args:
        samples: The pictures.
        shape: Height and width of the model's input.

    Yields:
        uint8 [1, height, width, 3], RGB, black outside of the picture.

    Raises:
        SamplesError: A picture cannot be read.
    """
    for sample in samples:
        bgr = cv2.imread(str(sample.path))
        if bgr is None:
            raise SamplesError(f"cannot read {sample.path}")
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        height, width = rgb.shape[:2]
        yield cut(rgb, (width / 2, height / 2), max(width / shape[1], height / shape[0]), shape)
        for x, y, w, h in sample.boxes:
            centre = (x + w / 2, y + h / 2)
            yield cut(rgb, centre, MARGIN * max(w / shape[1], h / shape[0]), shape)


def blanks(shape: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """Yield blank pictures: uniform ones, and blurred noise.

    Args:
        shape: Height and width, pixels.

    Yields:
        uint8 [1, height, width, 3]; the same pictures in every call.
    """
    height, width = shape
    for level in BLANK_LEVELS:
        yield np.full((1, height, width, 3), level, np.uint8)
    random = np.random.default_rng(0)
    for sigma in BLANK_BLURS:
        noise = random.integers(0, 256, (height, width, 3)).astype(np.float32)
        soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma))
        soft = (soft - soft.min()) / (soft.max() - soft.min()) * 255
        yield soft.astype(np.uint8)[np.newaxis]


def cut(
    picture: NDArray[np.uint8],
    centre: tuple[float, float],
    scale: float,
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Crop a rectangle out of a picture and scale it, with area averaging if it shrinks.

    Args:
        picture: uint8 [height, width, 3].
        centre: Centre of the rectangle, x and y in pixels.
        scale: Pixels of the picture per pixel of the result.
        shape: Height and width of the result.

    Returns:
        uint8 [1, height, width, 3], black outside of the picture.
    """
    height, width = shape
    # Average first: a warp interpolates only four pixels, so small people would be aliased.
    if scale > 1:
        size = (round(picture.shape[1] / scale), round(picture.shape[0] / scale))
        size = (max(size[0], 1), max(size[1], 1))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        factors = (size[0] / picture.shape[1], size[1] / picture.shape[0])
    else:
        small, factors = picture, (1.0, 1.0)
    # Centre of the result's pixel 0 in the shrunken picture: pixels are squares, not points.
    steps = [scale * factor for factor in factors]
    left = centre[0] * factors[0] - steps[0] * width / 2 + (steps[0] - 1) / 2
    top = centre[1] * factors[1] - steps[1] * height / 2 + (steps[1] - 1) / 2
    matrix = np.array([[steps[0], 0, left], [0, steps[1], top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(small, matrix, (width, height), flags=flags)
    return np.asarray(warped[np.newaxis], np.uint8)
