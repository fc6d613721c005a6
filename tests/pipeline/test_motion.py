from __future__ import annotations

import numpy as np
import pytest

from pose_edge.frames import Image
from pose_edge.pipeline.motion import COLUMNS, Grey, MotionDetector, tiny_grey

FPS = 30


def scene(random: np.random.Generator, *, noise: float = 3.0, level: float = 1.0) -> Grey:
    """Return a tiny grey picture of an empty room with a camera's noise."""
    room = np.linspace(40, 160, COLUMNS * 36, dtype=np.float32).reshape(36, COLUMNS)
    return np.asarray(level * room + random.normal(0, noise, room.shape), np.float32)


def learnt(random: np.random.Generator, *, noise: float = 3.0) -> MotionDetector:
    """Return a detector that has seen the empty room for six seconds."""
    detector = MotionDetector()
    for index in range(6 * FPS):
        detector.update(scene(random, noise=noise), index / FPS)
    return detector


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (160, 120), (40, 30)])
def test_a_picture_of_any_size_becomes_tiny(width: int, height: int) -> None:
    image: Image = np.full((height, width, 3), 77, np.uint8)
    grey = tiny_grey(image)
    assert grey.shape == (round(COLUMNS * height / width), COLUMNS)
    assert np.unique(grey).tolist() == [77]


def test_a_picture_that_is_very_narrow_stays_small() -> None:
    assert tiny_grey(np.zeros((5000, 2, 3), np.uint8)).shape == (4 * COLUMNS, COLUMNS)


@pytest.mark.parametrize("noise", [0.0, 1.0, 8.0])
def test_noise_is_no_motion(random: np.random.Generator, noise: float) -> None:
    detector = MotionDetector()
    moved = [detector.update(scene(random, noise=noise), index / FPS) for index in range(60 * FPS)]
    assert not any(moved[5 * FPS :])


def test_dusk_and_a_cloud_are_no_motion(random: np.random.Generator) -> None:
    detector = learnt(random)
    levels = np.linspace(1.0, 0.7, 30 * FPS)
    assert not any(
        detector.update(scene(random, level=level), 6 + index / FPS)
        for index, level in enumerate(levels)
    )


def test_somebody_far_away_is_motion_at_once(random: np.random.Generator) -> None:
    detector = learnt(random)
    picture = scene(random)
    picture[15:18, 10] -= 40
    assert detector.update(picture, 6.0)


def test_a_lamp_that_flickers_is_learnt_and_the_rest_stays_watched(
    random: np.random.Generator,
) -> None:
    detector = learnt(random)
    moved = []
    for index in range(40 * FPS):
        picture = scene(random)
        picture[:4, :4] += 60 * (index % 2)
        moved.append(detector.update(picture, 6 + index / FPS))
    assert any(moved[:FPS])
    assert not any(moved[-10 * FPS :])
    picture = scene(random)
    picture[20:24, 30:32] += 40
    assert detector.update(picture, 46.0)


def test_the_way_of_one_person_stays_watched(random: np.random.Generator) -> None:
    detector = learnt(random)
    for index in range(FPS):
        picture = scene(random)
        picture[10:20, 2 * index : 2 * index + 4] -= 60
        assert detector.update(picture, 6 + index / FPS)
    for index in range(4 * FPS):
        detector.update(scene(random), 7 + index / FPS)
    picture = scene(random)
    picture[10:20, 30:34] -= 60
    assert detector.update(picture, 11.0)


def test_a_picture_of_another_size_begins_anew(random: np.random.Generator) -> None:
    detector = learnt(random)
    assert not detector.update(np.zeros((48, COLUMNS), np.float32), 6.0)
    detector.reset()
    assert not detector.update(scene(random, level=0.2), 6.1)
