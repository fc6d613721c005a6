"""The command `eval`: accuracy on pictures with known keypoints, as COCO measures it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import numpy as np

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.errors import OutputError, UnavailableError, UsageError
from pose_edge.estimators import Estimator, load_estimator
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.poses import Pose
from pose_edge.runtimes import load_runtime
from pose_edge.sources.pictures import read_picture
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.registry import ModelFile, Zoo

Mode = Literal["frame", "box"]

BOX_MARGIN: Final = 1.25
"""Mode "box" shows the model a square of this many times the longer edge of the true box."""
PERSON: Final = 1
"""COCO's category of persons."""

_ANNOTATION_KEYS: Final = {
    *("id", "image_id", "category_id", "bbox", "area", "iscrowd", "keypoints", "num_keypoints"),
}
"""What pycocotools reads of each annotation."""

Progress = Callable[[str, int, int], None]
"""Called with the model's name, the pictures done and their number."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What one model reached.

    Attributes:
        model: Its name.
        mode: "frame": the whole picture is given, as the product does it. "box": the square
            around each true box is, in one look.
        pictures: How many.
        ap: COCO's keypoint AP, mean over OKS 0.50...0.95.
        ap50: At OKS 0.50.
        ap75: At OKS 0.75.
        ar: Average recall.
        inference_ms: Median time in the runtime for a picture, all its looks together.
    """

    model: str
    mode: Mode
    pictures: int
    ap: float
    ap50: float
    ap75: float
    ar: float
    inference_ms: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Pictures with known keypoints.

    Attributes:
        path: The JSON file.
        data: Its content.
        images: The picture's entries, by id, in order.
        boxes: True boxes with keypoints of each picture: x, y, width, height in pixels.
    """

    path: Path
    data: dict[str, Any]
    images: dict[int, dict[str, Any]]
    boxes: dict[int, list[tuple[float, float, float, float]]]


def load_truth(path: Path) -> Truth:
    """Read annotations in COCO's format.

    Raises:
        UnavailableError: The file cannot be read, or holds no annotated keypoints.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in data["images"]}
        if not all(isinstance(image["file_name"], str) for image in images.values()):
            raise ValueError("file_name is no text")
        boxes: dict[int, list[tuple[float, float, float, float]]] = {key: [] for key in images}
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


_LINE_START: Final = b'{"key": "'
"""How each line of a file of answers begins."""


class Answers:
    """What models answered so far, kept in a file if one is given, so that a run can go on."""

    def __init__(self, path: Path | None) -> None:
        """Read what is there already.

        Raises:
            OutputError: The file cannot be used.
        """
        self._known: dict[str, dict[str, Any]] = {}
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            if path.exists():
                self._read(path)
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise OutputError(f"answers cannot be kept in {path}: {error.strerror}") from error

    def get(self, key: str) -> dict[str, Any] | None:
        """Return an answer, or None."""
        return self._known.get(key)

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer."""
        self._known[key] = answer
        if self._file is not None:
            try:
                self._file.write(json.dumps({"key": key, **answer}) + "\n")
            except OSError as error:
                raise OutputError(f"answers cannot be kept: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if not content[whole:].startswith(_LINE_START[: len(content) - whole]):
            raise OutputError(f"{path} is no file of answers; it is left as it is")
        for line in content[:whole].splitlines():
            try:
                answer = json.loads(line)
                key = answer.pop("key")
                answer["poses"], answer["inference_ms"]
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise OutputError(f"{path} is no file of answers; it is left as it is") from error
            self._known[key] = answer
        os.truncate(path, whole)  # the last line of a run that was cut off is measured again


def evaluate(
    truth: Truth,
    folder: Path,
    names: Sequence[str],
    modes: Sequence[Mode],
    settings: Settings,
    *,
    answers: Answers,
    progress: Progress,
) -> Iterator[Accuracy]:
    """Measure models, one after the other.

    Args:
        truth: Pictures and their keypoints.
        folder: Where the pictures lie.
        names: Models, by name or path.
        modes: How the pictures are given.
        settings: Threads, thresholds and Edge TPU.
        answers: What is known already; gets what is found out.
        progress: Told how far it is.

    Yields:
        The accuracy of each model in each mode.

    Raises:
        PoseEdgeError: A model cannot be used or has seen the pictures, or a picture is missing.
    """
    cocoeval = _import_pycocotools()
    zoo = Zoo()
    models = [zoo.find(name) for name in names]
    for model in models:
        refuse_calibration_pictures(model, truth)
    for model in models:
        with contextlib.closing(load_runtime(model, settings)) as runtime:
            for mode in modes:
                used = settings.model
                if mode == "box":  # a true box says that somebody is there: no threshold is needed
                    used = used.model_copy(update={"min_pose_score": 0.0})
                estimator = load_estimator(model, runtime, used)
                found, times = [], []
                for done, image in enumerate(truth.images.values(), start=1):
                    boxes = truth.boxes[image["id"]] if mode == "box" else []
                    key = _key(model, used, mode, image, boxes)
                    answer = answers.get(key)
                    if answer is None:
                        answer = _answer(estimator, folder, image, boxes, mode)
                        answers.put(key, answer)
                    found += answer["poses"]
                    if answer["inference_ms"] is not None:
                        times.append(answer["inference_ms"])
                    progress(f"{model.name}, {mode}", done, len(truth.images))
                figures = _score(cocoeval, truth, found)
                yield Accuracy(
                    model.name, mode, len(truth.images), *figures, statistics.median(times)
                )


def refuse_calibration_pictures(model: ModelFile, truth: Truth) -> None:
    """Refuse to measure a model on pictures that it was made with.

    Raises:
        UsageError: The pictures overlap.
    """
    calibration = set(model.entry.calibration if model.entry else ())
    overlap = calibration & {Path(image["file_name"]).name for image in truth.images.values()}
    if overlap:
        raise UsageError(
            f"{model.name} was calibrated with {len(overlap)} of the pictures of {truth.path} "
            f"({sorted(overlap)[0]} ...): what is measured on them would flatter it"
        )


def box_crop(box: tuple[float, float, float, float]) -> Crop:
    """Return the square to look at for a true box.

    Args:
        box: x, y, width, height, pixels.
    """
    x, y, width, height = box
    size = BOX_MARGIN * max(width, height)
    return Crop.square(x + width / 2 - size / 2, y + height / 2 - size / 2, size)


def _answer(
    estimator: Estimator,
    folder: Path,
    image: dict[str, Any],
    boxes: Sequence[tuple[float, float, float, float]],
    mode: Mode,
) -> dict[str, Any]:
    """Let a model look at one picture."""
    path = folder / image["file_name"]
    picture = read_picture(path)
    if picture is None:
        raise UnavailableError(f"picture {path} is missing or cannot be read (--images)")
    frame = Frame(picture, "BGR", 0, 0, 0.0)
    stopwatch = Stopwatch()
    estimator.reset()
    if mode == "frame":
        poses = estimator.estimate(frame, stopwatch).poses
    else:
        looks = (estimator.estimate_crop(frame, box_crop(box), stopwatch) for box in boxes)
        poses = [max(seen, key=lambda pose: pose.score) for seen in looks if seen]
    spent = stopwatch.laps_ms.get("inference")  # None: a picture without a box to look at
    return {
        "poses": [_coco(pose, image["id"], frame) for pose in poses],
        "inference_ms": None if spent is None else round(spent, 3),
    }


def _coco(pose: Pose, image_id: int, frame: Frame) -> dict[str, Any]:
    points = pose.keypoints.astype(float)
    return {
        "image_id": image_id,
        "category_id": PERSON,
        # Of all keypoints: the mean of the counting ones would rank a face above a whole body.
        "score": round(float(points[:, 2].mean()), 5),
        "keypoints": [
            round(value, 2)
            for x, y, score in points
            for value in (x * frame.width, y * frame.height, score)
        ],
    }


def _score(
    cocoeval: Any,  # noqa: ANN401 - pycocotools has no types
    truth: Truth,
    found: list[dict[str, Any]],
) -> tuple[float, float, float, float]:
    """Return AP, AP50, AP75 and AR."""
    if not found:
        return 0.0, 0.0, 0.0, 0.0
    coco, evaluation = cocoeval
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
        known = coco()
        known.dataset = {"info": {}, **truth.data}
        known.createIndex()
        run = evaluation(known, known.loadRes(found), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    stats = np.maximum(run.stats, 0.0)
    return float(stats[0]), float(stats[1]), float(stats[2]), float(stats[5])


def _key(
    model: ModelFile,
    settings: ModelSettings,
    mode: Mode,
    image: dict[str, Any],
    boxes: Sequence[tuple[float, float, float, float]],
) -> str:
    """Name an answer by everything that it depends on."""
    looks = (
        f"{settings.min_keypoint_score}/{settings.min_pose_score}/{settings.second_look}"
        f"/{settings.max_people}"
    )
    where = ",".join(f"{value:g}" for box in boxes for value in box)
    return f"{model.sha256}/{mode}/{looks}/{image['id']}/{image['file_name']}/{where}"


def _import_pycocotools() -> tuple[Any, Any]:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise UnavailableError(
            "eval needs pycocotools: `pip install pycocotools` (extra: eval)"
        ) from error
    return COCO, COCOeval
