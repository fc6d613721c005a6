"""Estimators find the poses in a picture with a loaded model.

There is one file for each family of models (`movenet.py`, `multipose.py`, `posenet.py`), and one
for each way to use a model: `single_person.py` follows one person with a crop, `multi_person.py`
finds several in the whole frame, `two_stage.py` finds several and then runs a second model on a
crop of each.

May import: errors, util, frames, poses, config, tracking, logs, supervision, telemetry, zoo,
runtimes.

To add a family of models, write one file that implements `ModelFamily`, and add it to `families`
in `load_estimator` below.
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
        """The loaded model that finds the keypoints; None when poses are replayed from a file."""

    @property
    def provenance(self) -> Provenance:
        """Models and backend of the last result; before the first, those expected to be used."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the poses in a frame.

        Args:
            frame: The picture, in either colour order.
            stopwatch: Receives the laps "preprocess", "inference" and "postprocess".

        Returns:
            The poses, in coordinates of the whole frame.
        """

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        """Find the poses in a part of a frame, independently of earlier frames.

        Args:
            frame: As for `estimate`.
            crop: The part of the frame, of any shape.
            stopwatch: As for `estimate`.

        Returns:
            The poses, in coordinates of the whole frame.
        """

    def reset(self) -> None:
        """Forget earlier frames, because the next one is unrelated to them."""

    def close(self) -> None:
        """Stop what the loaded models have started; thread-safe, a second call does nothing."""


class ModelFamily(Protocol):
    """A module of this package that decodes the outputs of one family of models."""

    @property
    def EXPECTED(self) -> str:  # noqa: N802 - a constant of the module
        """Shapes of the outputs, for the error message when no family matches."""

    @property
    def MIN_POSE_SCORE(self) -> float:  # noqa: N802
        """Default minimum score of a person, used unless the settings have another value."""

    @property
    def CALIBRATION(self) -> Calibration | None:  # noqa: N802
        """Map from keypoint scores to probabilities; None if it was not measured."""

    def matches(self, runtime: Runtime) -> bool:
        """Return whether a model, with image input and float32 outputs, belongs to this family."""

    def decoders(
        self, *, in_pixels: bool = False
    ) -> tuple[SinglePersonDecoder | None, MultiPersonDecoder | None]:
        """Return the decoders for one person and for several people; None if there is none.

        Args:
            in_pixels: Whether the model returns coordinates in pixels of its input instead of the
                family's usual 0...1.
        """


def load_estimator(
    model: ModelFile,
    runtime: Runtime,
    settings: ModelSettings,
    *,
    load_finder: Callable[[], Runtime] | None = None,
) -> Estimator:
    """Create the estimator for a model, chosen by its input and output shapes, not by its name.

    Args:
        model: The model's file.
        runtime: The loaded model.
        settings: How the model is used.
        load_finder: Loads MultiPose, which a single-person model needs to find several people;
            None to find one person regardless of the settings.

    Raises:
        ModelError: No family of models matches.
        UsageError: The settings give an input range that an integer input cannot have.
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
