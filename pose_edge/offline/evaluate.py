"""Measure the keypoint accuracy of models on annotated pictures with COCO's metric."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.errors import SourceError, UnavailableError, UsageError
from pose_edge.estimators import Estimator, load_estimator
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.offline.answers import Answers
from pose_edge.offline.coco import PixelBox, Truth, import_pycocotools, measure, to_coco
from pose_edge.pipeline.loading import FINDER, load_finder, with_full_effort
from pose_edge.pipeline.trial import try_model
from pose_edge.runtimes import load_runtime
from pose_edge.sources.picture_file import read_picture
from pose_edge.telemetry import Stopwatch
from pose_edge.util.paths import is_dir
from pose_edge.zoo.candidates import most_accurate
from pose_edge.zoo.registry import AUTO, ModelFile, Zoo

CropMode = Literal["frame", "box"]
"""What a model is given: "frame" is the whole picture, processed as in normal use; "box" is the
region around each annotated box, with one inference pass for each."""

BOX_MARGIN: Final = 1.25
"""Width and height of the region of mode "box", as multiples of those of the annotated box."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of one model, 0...1.

    Attributes:
        model: Name of the model.
        mode: What the model was given.
        pictures: Number of pictures.
        ap: COCO's keypoint AP, mean over OKS 0.50...0.95.
        ap50: AP at OKS 0.50.
        ap75: AP at OKS 0.75.
        ar: Average recall.
        inference_ms: Median over the pictures of the time in the runtime, summed over the passes
            of a picture, milliseconds.
    """

    model: str
    mode: CropMode
    pictures: int
    ap: float
    ap50: float
    ap75: float
    ar: float
    inference_ms: float


def evaluate(
    truth: Truth,
    folder: Path,
    names: Sequence[str],
    modes: Sequence[CropMode],
    settings: Settings,
    *,
    answers: Answers,
    progress: Callable[[str, int, int], None],
) -> Iterator[Accuracy]:
    """Measure models, one after the other.

    Args:
        truth: Pictures and their keypoints.
        folder: Folder of the pictures.
        names: Models, by name or path.
        modes: What the models are given.
        settings: Threads, thresholds and Edge TPU.
        answers: Results of an earlier run, which are not computed again; new ones are added.
        progress: Called after each picture with "MODEL, MODE", pictures done and their total.

    Yields:
        The accuracy of each model in each mode.

    Raises:
        PoseEdgeError: A model is unusable or was calibrated with `truth`, or a picture is missing.
    """
    _check_beforehand(folder)
    settings, zoo = with_full_effort(settings), Zoo()
    find = partial(load_finder, zoo, settings)
    names = [most_accurate(zoo) if name == AUTO else name for name in names]
    models = [try_model(zoo.find(name), settings.model) for name in names]
    finders = [zoo.find(FINDER)] if settings.model.people == "several" else []
    for model in (*models, *finders):
        refuse_calibration_pictures(model, truth)
    for model in models:
        with contextlib.closing(load_runtime(model, settings)) as runtime:
            for mode in modes:
                used = settings.model
                if mode == "box":  # an annotated box holds a person: no threshold is needed
                    used = used.model_copy(update={"min_pose_score": 0.0, "min_keypoints": 0})
                estimator = load_estimator(model, runtime, used, load_finder=find)
                found, times = [], []
                for done, image in enumerate(truth.images.values(), start=1):
                    boxes = truth.boxes[image["id"]] if mode == "box" else []
                    key = _key([model, *finders], used, mode, image, boxes)
                    answer = answers.get(key)
                    if answer is None:
                        answer = _answer(
                            estimator, folder / image["file_name"], image["id"], boxes, mode
                        )
                        answers.put(key, answer)
                    found += answer["poses"]
                    if answer["inference_ms"] is not None:
                        times.append(answer["inference_ms"])
                    progress(f"{model.name}, {mode}", done, len(truth.images))
                figures = measure(truth, found)
                yield Accuracy(
                    model.name, mode, len(truth.images), *figures, statistics.median(times)
                )


def _check_beforehand(folder: Path) -> None:
    """Check for pycocotools and the pictures first: the models may take hours."""
    import_pycocotools()
    if not is_dir(folder):
        raise UnavailableError(f"--images {folder}: no such folder")


def refuse_calibration_pictures(model: ModelFile, truth: Truth) -> None:
    """Refuse to measure a model on pictures that its quantisation was calibrated with.

    Raises:
        UsageError: Some of the pictures were used for the calibration.
    """
    calibration = set(model.entry.calibration if model.entry else ())
    overlap = calibration & {Path(image["file_name"]).name for image in truth.images.values()}
    if overlap:
        raise UsageError(
            f"{model.name} was calibrated with {len(overlap)} of the pictures of {truth.path} "
            f"({sorted(overlap)[0]} ...): its accuracy on them would be overestimated"
        )


def box_crop(box: PixelBox) -> Crop:
    """Return the region around an annotated box that the model is given, in pixels."""
    x, y, width, height = box
    wide, high = BOX_MARGIN * width, BOX_MARGIN * height
    return Crop(x + (width - wide) / 2, y + (height - high) / 2, wide, high)


def _answer(
    estimator: Estimator, path: Path, image_id: int, boxes: Sequence[PixelBox], mode: CropMode
) -> dict[str, Any]:
    """Return the poses in a picture as COCO results, and the inference time in milliseconds."""
    try:
        picture = read_picture(path)
    except SourceError as error:
        raise SourceError(error.message, remedy="is --images right?") from error
    frame = Frame(picture, "BGR", 0, 0, 0.0)
    stopwatch = Stopwatch()
    estimator.reset()
    if mode == "frame":
        poses = estimator.estimate(frame, stopwatch).poses
    else:
        passes = (estimator.estimate_crop(frame, box_crop(box), stopwatch) for box in boxes)
        poses = [max(found, key=lambda pose: pose.score) for found in passes if found]
    spent = stopwatch.laps_ms.get("inference")  # None for a picture without a box
    return {
        "poses": [to_coco(pose, image_id, frame) for pose in poses],
        "inference_ms": None if spent is None else round(spent, 3),
    }


def _key(
    models: Sequence[ModelFile],
    settings: ModelSettings,
    mode: CropMode,
    image: dict[str, Any],
    boxes: Sequence[PixelBox],
) -> str:
    """Return a cache key made of everything that an answer depends on."""
    where = ",".join(f"{value:g}" for box in boxes for value in box)
    model, *finders = models
    sizes = model.entry.sizes if model.entry else ()  # two entries may share a file
    parts: tuple[object, ...] = (
        *(model.sha256, *sizes, mode, settings.min_keypoint_score, settings.min_pose_score),
        *(
            settings.min_keypoints,
            settings.second_look,
            settings.max_people,
            image["id"],
            image["file_name"],
            where,
        ),
    )
    for finder in finders:
        parts = (*parts, finder.sha256, settings.effort)
    if settings.effort == "thorough" and not finders:
        parts = (*parts, settings.effort)
    fed = settings.input_range if settings.input_range != "auto" else model.normalisation
    return "/".join(map(str, parts if fed is None else (*parts, fed)))
