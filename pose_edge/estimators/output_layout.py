"""Which kind of model a file holds, read from its inputs and outputs, not from its name."""

from __future__ import annotations

from enum import Enum
from typing import Final

from pose_edge.errors import ModelError
from pose_edge.estimators import multipose, posenet
from pose_edge.poses import KEYPOINT_COUNT
from pose_edge.runtimes import INPUT_TYPES, Runtime
from pose_edge.zoo.registry import ModelFile

EXPECTED: Final = (
    "expected one input uint8|int32|float32 1xHxWx3, and float32 outputs 1x1x17x3 (MoveNet, H = W),"
    " 1x6x56 (MultiPose), or 1xRxCx17, x34 and x64 or twice x32 (PoseNet)"
)


class Layout(Enum):
    """The layouts of outputs that can be read."""

    MOVENET = "MoveNet"
    MULTIPOSE = "MoveNet MultiPose"
    POSENET = "PoseNet"


MIN_POSE_SCORES: Final = {Layout.MOVENET: 0.3, Layout.MULTIPOSE: 0.15, Layout.POSENET: 0.25}
"""Below this score nobody is there, where the settings say nothing else. Each layout has a score of
its own: MoveNet the mean of the keypoints that count, MultiPose a number of the model's, PoseNet
the mean of all keypoints."""


def read_layout(model: ModelFile, runtime: Runtime) -> Layout:
    """Tell what a loaded model answers.

    Raises:
        ModelError: Nothing that can be read, with what was expected and what was found.
    """
    shape = runtime.input.shape
    picture = len(shape) == 4 and shape[0] == 1 and min(shape[1:3]) > 1 and shape[3] == 3
    floats = all(output.dtype == "float32" for output in runtime.outputs)
    if picture and floats and runtime.input.dtype in INPUT_TYPES:
        shapes = [output.shape for output in runtime.outputs]
        if shapes == [(1, 1, KEYPOINT_COUNT, 3)] and shape[1] == shape[2]:
            return Layout.MOVENET
        if shapes == [(1, multipose.MAX_PEOPLE, multipose.VALUES)]:
            return Layout.MULTIPOSE
        if posenet.is_layout(shapes):
            return Layout.POSENET
    found = ", ".join(str(output) for output in runtime.outputs) or "none"
    raise ModelError(
        f"{model.path} is no model that can be read: {EXPECTED}; "
        f"found input {runtime.input}, outputs {found}"
    )
