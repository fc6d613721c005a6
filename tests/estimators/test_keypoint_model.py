"""Which input size is used for a crop, also while backends with other sizes take turns."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers import FakeRuntime, make_frame, person
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.movenet import decode
from pose_edge.estimators.single_person import SinglePersonEstimator
from pose_edge.frames import Frame
from pose_edge.poses import FloatArray
from pose_edge.runtimes import AnyArray, InputSize, InputSizeChanged
from pose_edge.telemetry import Stopwatch

WIDTH, HEIGHT = 640, 480
SEVERAL: list[InputSize] = [(96, 96), (112, 80), (80, 112), (144, 64), (64, 144)]
SQUARE: list[InputSize] = [(72, 72)]
BODY = person(0.8, scale=0.5, centre=(0.4, 0.5))


def map_of_places() -> Frame:
    """Return a frame with x in red, y in green, and blue 255 to tell the picture from padding."""
    image = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    image[:, :, 0] = np.linspace(0, 255, WIDTH)
    image[:, :, 1] = np.linspace(0, 255, HEIGHT)[:, np.newaxis]
    return make_frame(image, order="RGB")


class Seer(FakeRuntime):
    """A model that finds BODY: it reads from the pixels which part of the frame it gets.

    Each run takes the next sets of input sizes from `script`; the last set stays.
    """

    def __init__(self, *script: list[InputSize]) -> None:
        super().__init__(sizes=script[0])
        self.script = list(script[1:])

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        if self.script:
            self.sizes = tuple(self.script.pop(0))
        if tensor.shape[1:3] not in self.sizes:
            raise InputSizeChanged
        self.seen.append(tensor.copy())
        picture = tensor[0].astype(np.float64)
        rows, columns = np.nonzero(picture[:, :, 2] == 255)
        output = np.empty((1, 1, 17, 3), dtype=np.float32)
        for axis, pixels, channel, length in ((1, columns, 0, WIDTH), (0, rows, 1, HEIGHT)):
            places = picture[rows, columns, channel] / 255 * (length - 1)
            scale, begin = np.polyfit(pixels, places, 1)
            where = (BODY[:, 1 - axis] * length - 0.5 - begin) / scale
            output[0, 0, :, axis] = (where + 0.5) / picture.shape[axis]
        output[0, 0, :, 2] = BODY[:, 2]
        return [output]


def assert_right(keypoints: FloatArray) -> None:
    assert keypoints == pytest.approx(BODY, abs=0.005)


@pytest.mark.parametrize(
    ("region", "size"),
    [
        (whole_frame(WIDTH, HEIGHT), (80, 112)),
        (Crop(200, 50, 90, 260), (144, 64)),
        (Crop(100, 100, 400, 200), (64, 144)),
        (Crop(150, 100, 200, 200), (96, 96)),
    ],
)
def test_the_size_is_that_of_the_crop(region: Crop, size: InputSize) -> None:
    runtime = Seer(SEVERAL)
    model = KeypointModel(runtime, decode)
    crop = model.fit(region)
    assert_right(model.run(map_of_places(), crop, Stopwatch()))
    assert [tensor.shape[1:3] for tensor in runtime.seen] == [size]


def test_a_crop_of_another_shape_is_extended() -> None:
    runtime = Seer(SEVERAL)
    keypoints = KeypointModel(runtime, decode).run(
        map_of_places(), Crop(200, 50, 90, 260), Stopwatch()
    )
    assert_right(keypoints)
    assert runtime.seen[0].shape[1:3] == (144, 64)


@pytest.mark.parametrize(("first", "second"), [(SQUARE, SEVERAL), (SEVERAL, SQUARE)])
def test_another_backend_takes_over_between_the_choice_of_the_crop_and_the_run(
    first: list[InputSize], second: list[InputSize]
) -> None:
    runtime = Seer(first, second)
    model = KeypointModel(runtime, decode)
    crop = model.fit(whole_frame(WIDTH, HEIGHT))
    stopwatch = Stopwatch()
    assert_right(model.run(map_of_places(), crop, stopwatch))
    assert len(runtime.seen) == 1
    assert runtime.seen[0].shape[1:3] in second
    assert list(stopwatch.laps_ms) == ["preprocess", "inference", "postprocess"]


def test_places_in_pixels_are_those_of_the_size_in_use() -> None:
    class InPixels(Seer):
        def run(self, tensor: AnyArray) -> list[AnyArray]:
            (found,) = super().run(tensor)
            return [found * np.array([*tensor.shape[1:3], 1], dtype=np.float32)]

    frame = map_of_places()
    runtime = InPixels(SEVERAL)
    model = KeypointModel(runtime, lambda outputs, size: decode(outputs, size, in_pixels=True))
    for region in (whole_frame(WIDTH, HEIGHT), Crop(200, 50, 90, 260)):
        assert_right(model.run(frame, model.fit(region), Stopwatch()))


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([SEVERAL, SQUARE, [(96, 96)]]), min_size=1, max_size=12))
def test_a_person_is_followed_through_any_change_of_backends(script: list[list[InputSize]]) -> None:
    estimator = SinglePersonEstimator(
        KeypointModel(Seer(*script), decode), min_keypoint_score=0.2, min_pose_score=0.3
    )
    frame = map_of_places()
    for _ in range(8):
        (pose,) = estimator.estimate(frame).poses
        assert_right(pose.keypoints)


@pytest.mark.parametrize("part", [2, 4])
def test_keypoints_are_places_in_the_frame_also_where_its_image_is_smaller(part: int) -> None:
    whole = map_of_places()
    image = cv2.resize(whole.image, (WIDTH // part, HEIGHT // part), interpolation=cv2.INTER_AREA)
    small = replace(whole, image=np.asarray(image, np.uint8), full_size=(WIDTH, HEIGHT))
    assert (small.width, small.height) == (WIDTH, HEIGHT)
    for region in (whole_frame(WIDTH, HEIGHT), Crop(60.0, 40.0, 420.0, 400.0)):
        model = KeypointModel(Seer(SEVERAL), decode)
        crop = model.fit(region)
        assert model.shrink(crop) == pytest.approx(crop.width / size_seen(model, crop))
        found = model.run(small, crop, Stopwatch())
        assert found[:, :2] == pytest.approx(model.run(whole, crop, Stopwatch())[:, :2], abs=0.01)


def size_seen(model: KeypointModel, crop: Crop) -> int:
    """Return the width of the input size that has the crop's aspect ratio."""
    return next(
        width
        for height, width in model.runtime.sizes
        if crop.width * height == pytest.approx(crop.height * width)
    )
