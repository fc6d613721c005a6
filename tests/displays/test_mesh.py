from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pose_edge.displays.mesh import triangulate
from pose_edge.overlay import Capsules
from pose_edge.overlay.scene import NO_CAPSULES


def capsules(
    *parts: tuple[float, float, float, float, float], colour: tuple[int, int, int] = (255, 0, 0)
) -> Capsules:
    numbers = np.array(parts, np.float32).reshape(-1, 5)
    colours = np.tile(np.array(colour, np.uint8), (len(numbers), 1))
    return Capsules(numbers[:, :4], numbers[:, 4], colours)


Mesh = tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]


def triangles(mesh: Mesh) -> NDArray[np.float32]:
    corners, _, indices = mesh
    return corners[indices].reshape(-1, 3, 2)


def coverage(mesh: Mesh, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the opacity (height, width) that a GPU would give to each pixel of the mesh."""
    width, height = size
    ys, xs = np.mgrid[:height, :width] + 0.5
    opacity = np.zeros((height, width))
    _, colours, all_indices = mesh
    for corners, indices in zip(triangles(mesh), all_indices.reshape(-1, 3), strict=True):
        (x0, y0), (x1, y1), (x2, y2) = corners.astype(np.float64)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        a = ((x1 - xs) * (y2 - ys) - (x2 - xs) * (y1 - ys)) / area
        b = ((x2 - xs) * (y0 - ys) - (x0 - xs) * (y2 - ys)) / area
        c = 1 - a - b
        inside = (a >= -1e-9) & (b >= -1e-9) & (c >= -1e-9)
        alphas = colours[indices, 3] / 255
        value = a * alphas[0] + b * alphas[1] + c * alphas[2]
        opacity[inside] = np.maximum(opacity, value)[inside]
    return opacity


@pytest.mark.parametrize(
    "part",
    [(10, 10, 50, 10, 4), (10, 10, 40, 37, 3.3), (30, 30, 30, 30, 9.5), (20, 50, 20, 12, 1)],
)
def test_a_capsule_covers_what_lies_within_its_radius(
    part: tuple[float, float, float, float, float],
) -> None:
    opacity = coverage(triangulate(capsules(part)), (60, 60))
    ys, xs = np.mgrid[:60, :60] + 0.5
    x0, y0, x1, y1, radius = part
    along = np.array([x1 - x0, y1 - y0])
    length = max(float(along @ along), 1e-9)
    t = np.clip(((xs - x0) * along[0] + (ys - y0) * along[1]) / length, 0, 1)
    distance = np.hypot(xs - x0 - t * along[0], ys - y0 - t * along[1])
    expected = np.clip(radius + 0.5 - distance, 0, 1)
    assert np.abs(opacity - expected).max() < 0.25
    assert np.abs(opacity - expected).mean() < 0.02


def test_later_capsules_lie_on_top() -> None:
    red, blue = capsules((0, 0, 9, 0, 3)), capsules((0, 0, 9, 0, 2), colour=(0, 0, 255))
    _, colours, indices = triangulate(
        Capsules(
            np.concatenate([red.ends, blue.ends]),
            np.concatenate([red.radii, blue.radii]),
            np.concatenate([red.colours, blue.colours]),
        )
    )
    drawn = colours[indices][:, :3]
    half = len(drawn) // 2
    assert (drawn[:half] == (255, 0, 0)).all()
    assert (drawn[half:] == (0, 0, 255)).all()


def test_nothing_makes_no_triangles() -> None:
    assert [len(array) for array in triangulate(NO_CAPSULES)] == [0, 0, 0]


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(0, 40), st.just(5)), elements=st.floats(0, 99, width=32)
    )
)
def test_any_number_of_capsules_of_any_size_makes_triangles(numbers: NDArray[np.float32]) -> None:
    given_capsules = capsules(*[tuple(row.tolist()) for row in numbers])
    corners, colours, indices = triangulate(given_capsules)
    dtypes = [str(array.dtype) for array in (corners, colours, indices)]
    assert dtypes == ["float32", "uint8", "int32"]
    assert len(indices) % 3 == 0
    assert np.isfinite(corners).all()
    if len(numbers):
        assert sorted(set(indices.tolist())) == list(range(len(corners)))
        assert len(colours) == len(corners)
        reach = corners.max(axis=0) - given_capsules.ends.reshape(-1, 2).max(axis=0)
        assert (reach <= given_capsules.radii.max() + 0.51).all()


def test_a_thick_end_is_round() -> None:
    mesh = triangulate(capsules((50, 50, 50, 50, 40)))
    outline = np.zeros((100, 100), np.uint8)
    cv2.fillPoly(outline, [np.rint(t).astype(np.int32) for t in triangles(mesh)], (1,))
    assert outline.sum() == pytest.approx(np.pi * 40.5**2, rel=0.03)
