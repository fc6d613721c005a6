from __future__ import annotations

import cv2
import numpy as np
import pytest
from canvases import Picture
from helpers import make_frame, make_result, noise, pose, smooth
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.config.schema import OverlaySettings
from pose_edge.overlay import Renderer
from pose_edge.overlay.background import BLUR_CELLS, blurred


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 500), st.integers(1, 500))
def test_any_picture_can_be_blurred(width: int, height: int) -> None:
    image = noise(width, height)
    small = blurred(image)
    assert small.dtype == np.uint8
    assert small.shape[2] == 3
    assert max(small.shape[:2]) <= 320


def face(size: int, seed: int) -> Picture:
    """Return a grey picture with details as fine as a face's; all have the same mean brightness."""
    rng = np.random.default_rng(seed)
    details = rng.choice([-60, 60], (size // 8, size // 8))
    details = details - details.mean()
    image = 128 + cv2.resize(details, (size, size), interpolation=cv2.INTER_NEAREST)
    return np.repeat(image.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_what_is_blurred_cannot_be_told_apart() -> None:
    """The head fills a quarter of the picture's width."""
    pictures = []
    for seed in (1, 2):
        picture = np.full((720, 1280, 3), 128, np.uint8)
        picture[200:520, 480:800] = face(320, seed)
        pictures.append(picture)
    first, second = (blurred(picture).astype(int) for picture in pictures)
    before = np.abs(pictures[0].astype(int) - pictures[1]).max()
    assert before > 100
    assert np.abs(first - second).max() < before / 3
    assert BLUR_CELLS * 320 / 1280 <= 8, "fields across the head"


@pytest.mark.parametrize("background", ["black", "blur"])
def test_no_picture_of_the_camera_leaves_the_renderer(background: str) -> None:
    image = noise(640, 480)
    overlay = OverlaySettings.model_validate({"background": background, "readout": "off"})
    painter = Renderer(overlay, mirror=True)
    result = make_result(make_frame(image), [pose()])
    scene = painter.scene(result)
    assert scene.size == (640, 480)
    if background == "black":
        assert scene.image is None
    else:
        assert scene.image is not None
        assert not np.shares_memory(scene.image, image)
        assert scene.image.shape[1] <= 320
    drawn = painter.draw(scene)
    assert drawn.shape == (480, 640, 3)
    painter.change(skeleton=False)
    bare = painter.draw(painter.scene(result))
    detail = np.abs(np.diff(bare.astype(int), axis=1)).max()
    assert detail < 12, "the noise is gone"


def test_the_blur_lies_where_the_picture_was() -> None:
    image = smooth(640, 480)
    blur = Renderer(OverlaySettings(background="blur", readout="off"), mirror=True)
    drawn = blur.draw(blur.scene(make_result(make_frame(image), []))).astype(int)
    coarse = cv2.resize(image[:, ::-1], (8, 6), interpolation=cv2.INTER_AREA).astype(int)
    again = cv2.resize(drawn.astype(np.uint8), (8, 6), interpolation=cv2.INTER_AREA)
    assert np.abs(again.astype(int) - coarse).mean() < 12
