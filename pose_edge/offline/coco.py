"""Ground truth in COCO's keypoint format, and COCO's accuracy metric for the poses found.

Format and metric: cocodataset.org/#format-data and cocodataset.org/#keypoints-eval.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pose_edge.errors import UnavailableError
from pose_edge.frames import Frame
from pose_edge.poses import KEYPOINT_COUNT, Pose

PERSON: Final = 1
"""Number of COCO's category "person"."""

VALUES: Final = 3 * KEYPOINT_COUNT
"""Length of a list of keypoints: x, y and visibility (or score) of each keypoint."""

MAX_BYTES: Final = 1_000_000_000
"""Maximum size of a file of annotations; COCO's largest has a tenth of it."""

Number = Annotated[float, Field(allow_inf_nan=False)]

PixelBox = tuple[float, float, float, float]
"""x, y, width and height, in pixels."""


class _Entry(BaseModel):
    """Base of the entries that pycocotools reads without validation; extra keys are allowed."""

    model_config = ConfigDict(strict=True)


class _Image(_Entry):
    id: int
    file_name: str = Field(min_length=1)


class _Category(_Entry):
    id: int


class _Annotation(_Entry):
    id: int
    image_id: int
    category_id: int
    bbox: list[Number] = Field(min_length=4, max_length=4)
    area: Number = Field(ge=0.0)
    iscrowd: Literal[0, 1]
    keypoints: list[Number] = Field(min_length=VALUES, max_length=VALUES)
    num_keypoints: int = Field(ge=0, le=KEYPOINT_COUNT)

    @model_validator(mode="after")
    def _has_a_box(self) -> Self:
        if self.num_keypoints > 0 and min(self.bbox[2:]) <= 0:
            raise ValueError(f"the box of a person is {self.bbox[2]} x {self.bbox[3]}")
        return self


class _Annotations(_Entry):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        images = {image.id for image in self.images}
        if len(images) < len(self.images):
            raise ValueError("two pictures have the same id")
        if len({one.id for one in self.annotations}) < len(self.annotations):
            raise ValueError("two annotations have the same id")
        for number, annotation in enumerate(self.annotations):
            if annotation.image_id not in images:
                raise ValueError(f"annotations.{number}: there is no picture {annotation.image_id}")
        if PERSON not in [category.id for category in self.categories]:
            raise ValueError(f"no category {PERSON} (person)")
        return self


class CocoResult(_Entry):
    """A detected pose in COCO's results format; keypoints in pixels."""

    image_id: int
    category_id: int
    score: Number
    keypoints: list[Number] = Field(min_length=VALUES, max_length=VALUES)


@dataclass(frozen=True, slots=True)
class Truth:
    """Pictures with annotated keypoints.

    Attributes:
        path: The JSON file.
        data: Content of the JSON file.
        images: Entries of the pictures by id, sorted by id.
        boxes: Boxes of the people with annotated keypoints, by the id of their picture.
    """

    path: Path
    data: dict[str, Any]
    images: dict[int, dict[str, Any]]
    boxes: dict[int, list[PixelBox]]


def load_truth(path: Path) -> Truth:
    """Read annotations in COCO's format.

    Raises:
        UnavailableError: The file cannot be read, is larger than `MAX_BYTES`, or has no annotated
            keypoints.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _no_truth(path, f"it is larger than {MAX_BYTES // 10**9} GB")
        data = json.loads(path.read_text(encoding="utf-8"))
        content = _Annotations.model_validate(data)
    except FileNotFoundError as error:
        raise UnavailableError(f"annotations {path}: no such file") from error
    except OSError as error:
        raise UnavailableError(f"annotations {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise _no_truth(path, f"{place}: {said}" if place else said) from error
    except json.JSONDecodeError as error:
        raise _no_truth(path, f"it is not JSON (line {error.lineno})") from error
    except (ValueError, RecursionError) as error:
        raise _no_truth(path, str(error)) from error
    boxes: dict[int, list[PixelBox]] = {image.id: [] for image in content.images}
    for annotation in content.annotations:
        if annotation.num_keypoints > 0:
            x, y, width, height = annotation.bbox
            boxes[annotation.image_id].append((x, y, width, height))
    if not any(boxes.values()):
        raise UnavailableError(f"{path} holds no picture with annotated keypoints")
    images = {image["id"]: image for image in data["images"]}
    return Truth(path, data, dict(sorted(images.items())), boxes)


def _no_truth(path: Path, reason: str) -> UnavailableError:
    return UnavailableError(f"{path} holds no keypoints in COCO's format: {reason}")


def to_coco(pose: Pose, image_id: int, frame: Frame) -> dict[str, Any]:
    """Return a pose as an entry of COCO's results, with keypoints in pixels of the frame."""
    points = pose.keypoints.astype(float)
    return {
        "image_id": image_id,
        "category_id": PERSON,
        # The mean over all keypoints: over strong ones only, a face would outrank a whole body.
        "score": round(float(points[:, 2].mean()), 5),
        "keypoints": [
            round(value, 2)
            for x, y, score in points
            for value in (x * frame.width, y * frame.height, score)
        ],
    }


def measure(truth: Truth, found: Sequence[dict[str, Any]]) -> tuple[float, float, float, float]:
    """Compare poses from `to_coco` with the ground truth.

    Returns:
        AP, AP50, AP75 and AR, 0...1; all 0 if there are no poses.

    Raises:
        UnavailableError: pycocotools is not installed.
    """
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
