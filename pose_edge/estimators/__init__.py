"""Estimators find the poses in a picture with a loaded model.

One file for each family of models (`movenet.py`, `multipose.py`, `posenet.py`), on top of three
ways to use models: `single_person.py` follows one person with a crop, `multi_person.py` finds
several, `two_stage.py` finds several and then looks at each of them with a crop.

May import: errors, util, frames, poses, config, tracking, logs, supervision, telemetry, zoo,
runtimes.

To add a family of models, write one file that fulfils `ModelFamily`, and name it in `families` of
`load_estimator` below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pose_edge.errors import ModelError, UsageError
from pose_edge.estimators.confidence import Calibration
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.poses import Estimate, Pose, Provenance
from pose_edge.runtimes import INPUT_TYPES, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.normalisation import RANGES
from pose_edge.zoo.registry import ModelFile

if TYPE_CHECKING:
    from pose_edge.config.schema import ModelSettings
    from pose_edge.estimators.keypoint_model import SinglePersonDecoder
    from pose_edge.estimators.multi_person import MultiPersonDecoder


class Estimator(Protocol):
    """Finds the poses in the frames of one source."""

    @property
    def runtime(self) -> Runtime | None:
        """The loaded model that finds the keypoints; None where poses are replayed."""

    @property
    def provenance(self) -> Provenance:
        """Models and backend of the last answer; before the first, those expected to answer."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the poses in a frame.

        Args:
            frame: The picture, in either colour order.
            stopwatch: Gets the laps "preprocess", "inference" and "postprocess".

        Returns:
            The poses, in coordinates of the whole frame.
        """

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        """Find the poses in a part of a frame, in one inference pass and without memory.

        Args and result are as for `estimate`; the crop may have any shape.
        """

    def reset(self) -> None:
        """Forget earlier frames: the next one has nothing to do with them."""

    def close(self) -> None:
        """End what the loaded models have started, from any thread; twice does no harm."""


class ModelFamily(Protocol):
    """A module of this folder that reads the outputs of one family of models."""

    @property
    def EXPECTED(self) -> str:  # noqa: N802 - a constant of the module
        """Shapes of the outputs, for the message that no family matches."""

    @property
    def MIN_POSE_SCORE(self) -> float:  # noqa: N802
        """Score below which there is no person, unless the settings have another."""

    @property
    def CALIBRATION(self) -> Calibration | None:  # noqa: N802
        """What a keypoint's score means; None where that was not measured."""

    def matches(self, runtime: Runtime) -> bool:
        """Return whether a model with pictures as input and float32 outputs is of this family."""

    def decoders(
        self, *, in_pixels: bool = False
    ) -> tuple[SinglePersonDecoder | None, MultiPersonDecoder | None]:
        """Return what reads a model's outputs for one person, and for several, or None.

        Args:
            in_pixels: Whether places are in pixels of the input although 0...1 is usual.
        """


def load_estimator(
    model: ModelFile,
    runtime: Runtime,
    settings: ModelSettings,
    *,
    load_finder: Callable[[], Runtime] | None = None,
) -> Estimator:
    """Choose the estimator by the shapes of a loaded model's input and outputs, not by its name.

    Args:
        model: The model's file.
        runtime: The model.
        settings: How it is used.
        load_finder: Loads MultiPose, which a model for one person needs to find several; None to
            find one whatever the settings say.

    Raises:
        ModelError: No family of models matches.
        UsageError: The settings say another input range than an integer input can have.
    """
    said = settings.input_range
    if said != "auto" and runtime.input.dtype == "float32":
        model = replace(model, normalisation=RANGES[said])
    elif said not in ("auto", "0..255"):
        raise UsageError(
            f"model.input_range is {said}, but the input of {model.name} is {runtime.input}: "
            "0..255",
            remedy="leave it at auto",
        )
    from pose_edge.estimators import movenet, multipose, posenet

    families: tuple[ModelFamily, ...] = (movenet, multipose, posenet)
    if _takes_pictures(runtime) and all(output.dtype == "float32" for output in runtime.outputs):
        for family in families:
            if family.matches(runtime):
                return _make_estimator(family, model, runtime, settings, load_finder)
    *first, last = (family.EXPECTED for family in families)
    raise ModelError(
        f"{model.path} is not a model that can be read: expected one input "
        f"{'|'.join(INPUT_TYPES)} 1xHxWx3, and float32 outputs {', '.join(first)}, or {last}; "
        f"found input {runtime.input}, outputs {', '.join(map(str, runtime.outputs)) or 'none'}"
    )


def _make_estimator(
    family: ModelFamily,
    model: ModelFile,
    runtime: Runtime,
    settings: ModelSettings,
    load_finder: Callable[[], Runtime] | None,
) -> Estimator:
    from pose_edge.estimators.keypoint_model import KeypointModel
    from pose_edge.estimators.multi_person import MultiPersonEstimator
    from pose_edge.estimators.single_person import SinglePersonEstimator

    score = settings.min_pose_score
    min_pose_score = family.MIN_POSE_SCORE if score is None else score
    single, multi = family.decoders(in_pixels=model.output_in_pixels)
    if multi is not None and (single is None or settings.max_people > 1):
        return MultiPersonEstimator(
            runtime,
            multi,
            min_keypoint_score=settings.min_keypoint_score,
            min_pose_score=min_pose_score,
            max_people=settings.max_people,
            min_keypoints=settings.min_keypoints,
            normalisation=model.normalisation,
        )
    assert single is not None
    refiner = KeypointModel(runtime, single, model.normalisation, family.CALIBRATION)
    if multi is None and settings.people == "several" and load_finder is not None:
        from pose_edge.estimators.two_stage import TwoStageEstimator, make_finder

        return TwoStageEstimator(
            make_finder(load_finder()),
            refiner,
            min_keypoint_score=settings.min_keypoint_score,
            min_pose_score=min_pose_score,
            max_people=settings.max_people,
            min_keypoints=settings.min_keypoints,
            effort=settings.effort,
        )
    return SinglePersonEstimator(
        refiner,
        min_keypoint_score=settings.min_keypoint_score,
        min_pose_score=min_pose_score,
        second_look=settings.second_look,
        min_keypoints=settings.min_keypoints,
        thorough=settings.effort == "thorough",
    )


def _takes_pictures(runtime: Runtime) -> bool:
    shape = runtime.input.shape
    picture = len(shape) == 4 and shape[0] == 1 and min(shape[1:3]) > 1 and shape[3] == 3
    return picture and runtime.input.dtype in INPUT_TYPES
