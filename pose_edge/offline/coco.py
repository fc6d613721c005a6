"""Pictures with known keypoints in COCO's format, and COCO's measure of the poses found in them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pose_edge.errors import UnavailableError
from pose_edge.frames import Frame
from pose_edge.poses import Pose

PERSON: Final = 1
"""COCO's category of people."""

_ANNOTATION_KEYS: Final = frozenset(
    ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "keypoints", "num_keypoints")
)
"""Keys of each annotation that pycocotools reads."""

PixelBox = tuple[float, float, float, float]
"""x, y, width and height, in pixels."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Pictures with known keypoints.

    Attributes:
        path: The JSON file.
        data: Its content.
        images: Entries of the pictures by their ids, in order.
        boxes: Boxes of the people with known keypoints, by the id of their picture.
    """

    path: Path
    data: dict[str, Any]
    images: dict[int, dict[str, Any]]
    boxes: dict[int, list[PixelBox]]


def load_truth(path: Path) -> Truth:
    """Read annotations in COCO's format.

    Raises:
        UnavailableError: The file cannot be read, or has no annotated keypoints.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in data["images"]}
        if not all(isinstance(image["file_name"], str) for image in images.values()):
            raise ValueError("file_name is not a text")
        boxes: dict[int, list[PixelBox]] = {key: [] for key in images}
        for annotation in data["annotations"]:
            missing = _ANNOTATION_KEYS - annotation.keys()
            if missing:
                raise KeyError(*sorted(missing))
            x, y, width, height = annotation["bbox"]
            if annotation["num_keypoints"] > 0:
                if not (width > 0 and height > 0):
                    raise ValueError(f"a person's box is {width} x {height}")
                boxes[annotation["image_id"]].append((x, y, width, height))
        if PERSON not in [category["id"] for category in data["categories"]]:
            raise ValueError(f"no category {PERSON} (person)")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"{path} holds no keypoints in COCO's format: {type(error).__name__}: {error}"
        ) from error
    if not any(boxes.values()):
        raise UnavailableError(f"{path} holds no picture with annotated keypoints")
    return Truth(path, data, dict(sorted(images.items())), boxes)


def to_coco(pose: Pose, image_id: int, frame: Frame) -> dict[str, Any]:
    """Return a pose as an entry of COCO's results, in pixels."""
    points = pose.keypoints.astype(float)
    return {
        "image_id": image_id,
        "category_id": PERSON,
        # Over all keypoints: the mean of the strong ones would rank a face above a complete body.
        "score": round(float(points[:, 2].mean()), 5),
        "keypoints": [
            round(value, 2)
            for x, y, score in points
            for value in (x * frame.width, y * frame.height, score)
        ],
    }


def measure(truth: Truth, found: Sequence[dict[str, Any]]) -> tuple[float, float, float, float]:
    """Compare poses, from `to_coco`, with the truth; return AP, AP50, AP75 and AR."""
    if not found:
        return 0.0, 0.0, 0.0, 0.0
    coco, evaluation = import_pycocotools()
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        known = coco()
        known.dataset = {"info": {}, **truth.data}
        known.createIndex()
        run = evaluation(known, known.loadRes(list(found)), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    stats = np.maximum(run.stats, 0.0)
    return float(stats[0]), float(stats[1]), float(stats[2]), float(stats[5])


def import_pycocotools() -> tuple[Any, Any]:
    """Return the classes COCO and COCOeval.

    Raises:
        UnavailableError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise UnavailableError(
            "eval needs pycocotools: `pip install pycocotools` (extra: eval)"
        ) from error
    return COCO, COCOeval
