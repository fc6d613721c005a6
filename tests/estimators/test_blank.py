"""No model finds people in pictures such as a covered or badly lit camera gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers import make_frame

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.estimators import load_estimator
from pose_edge.frames import Image
from pose_edge.runtimes import AnyArray, load_runtime
from pose_edge.zoo.registry import Zoo


def blanks(height: int, width: int) -> dict[str, Image]:
    """Return pictures without a person that differ from those used to quantise the models."""
    random = np.random.default_rng(1)
    shape = (height, width, 3)
    found = {
        f"grey {level}": np.full(shape, level, np.uint8) for level in (0, 7, 90, 140, 210, 255)
    }
    for mean, deviation in ((5, 4), (90, 5), (128, 20)):
        noise = random.normal(mean, deviation, shape)
        found[f"noise {mean}, {deviation}"] = np.clip(noise, 0, 255).astype(np.uint8)
    ramp = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    found["ramp"] = np.tile(ramp, (height, 1, 3))
    clouds = cv2.GaussianBlur(random.integers(0, 256, shape).astype(np.uint8), (0, 0), 15)
    found["clouds"] = np.asarray(clouds, dtype=np.uint8)
    for colour in ((200, 30, 30), (30, 200, 30), (30, 30, 200)):
        found[f"colour {colour}"] = np.full(shape, colour, np.uint8)
    return found


SIZES = [
    (name, size)
    for name, entry in Zoo().entries.items()
    for size in entry.sizes or [entry.input.shape[1:3]]
]


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_a_blank_picture_has_nobody(
    name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ModelSettings(name=name)
    model = Zoo().find(name)
    runtime = load_runtime(model, Settings(model=settings))
    estimator = load_estimator(model, runtime, settings)
    run, given = runtime.run, set()

    def record(tensor: AnyArray) -> list[AnyArray]:
        given.add(tensor.shape[1:3])
        return run(tensor)

    monkeypatch.setattr(runtime, "run", record)
    ghosts = []
    # A frame of this shape fits this input size without padding.
    for what, picture in blanks(3 * size[0], 3 * size[1]).items():
        estimator.reset()
        if estimator.estimate(make_frame(picture)).poses:
            ghosts.append(what)
    assert ghosts == []
    assert size in given
