from __future__ import annotations

from pathlib import Path

import pytest
from fake_v4l2 import Kernel, Struct
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.sources import v4l2_device as api
from pose_edge.sources.modes import choose_mode, list_modes
from pose_edge.sources.v4l2_device import Mode

WEBCAM = [
    Mode("MJPG", 640, 480, 30),
    Mode("MJPG", 1280, 720, 30),
    Mode("MJPG", 1920, 1080, 30),
    Mode("YUYV", 640, 480, 30),
    Mode("YUYV", 1280, 720, 10),
    Mode("YUYV", 1920, 1080, 5),
]
OLD = [Mode("YUYV", 640, 480, 30), Mode("YUYV", 1280, 720, 5), Mode("YUYV", 320, 240, 30)]


@pytest.mark.parametrize(
    ("modes", "wish", "chosen"),
    [
        (WEBCAM, (1280, 720, 30), Mode("MJPG", 1280, 720, 30)),
        (WEBCAM, (640, 480, 30), Mode("YUYV", 640, 480, 30)),  # avoids decoding
        (WEBCAM, (1280, 720, 10), Mode("YUYV", 1280, 720, 10)),
        (WEBCAM, (1280, 720, 60), Mode("MJPG", 1280, 720, 30)),
        (WEBCAM, (800, 600, 30), Mode("YUYV", 640, 480, 30)),
        (WEBCAM, (3840, 2160, 30), Mode("MJPG", 1920, 1080, 30)),
        (OLD, (1280, 720, 30), Mode("YUYV", 640, 480, 30)),  # smaller, but not slower
        (OLD, (1280, 720, 5), Mode("YUYV", 1280, 720, 5)),
        ([Mode("MJPG", 1280, 720, 60), Mode("MJPG", 1280, 720, 25)], (1280, 720, 30), 0),
        ([Mode("YUYV", 640, 480)], (1280, 720, 30), 0),
        ([], (640, 480, 30), Mode("YUYV", 640, 480, 30)),
        ([], (1280, 720, 30), Mode("MJPG", 1280, 720, 30)),
    ],
)
def test_the_mode_that_comes_nearest(
    modes: list[Mode], wish: tuple[int, int, float], chosen: Mode | int
) -> None:
    wanted = modes[chosen] if isinstance(chosen, int) else chosen
    assert choose_mode(modes, *wish) == wanted
    assert choose_mode(reversed(modes), *wish) == wanted, "their order does not matter"


MODES = st.builds(
    Mode,
    st.sampled_from(["MJPG", "YUYV"]),
    st.integers(16, 8000),
    st.integers(16, 8000),
    st.one_of(st.none(), st.floats(0.1, 500)),
)


@given(st.lists(MODES, min_size=1), st.integers(64, 7680), st.integers(64, 4320))
def test_there_is_always_a_choice_and_what_is_wanted_wins(
    modes: list[Mode], width: int, height: int
) -> None:
    assert choose_mode(modes, width, height, 30.0) in modes
    exact = Mode("YUYV", width, height, 30.0)
    assert choose_mode([*modes, exact], width, height, 30.0) in (
        exact,
        *(mode for mode in modes if (mode.width, mode.height) == (width, height)),
    ) or any(abs(mode.width - width) + abs(mode.height - height) < 60 for mode in modes)


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        (Mode("MJPG", 1280, 720, 30.0), "1280x720 MJPG at 30 fps"),
        (Mode("YUYV", 640, 480, 29.97003), "640x480 YUYV at 30 fps"),
        (Mode("YUYV", 640, 480, 7.5), "640x480 YUYV at 7.5 fps"),
        (Mode("YUYV", 640, 480), "640x480 YUYV"),
    ],
)
def test_how_a_mode_is_shown(mode: Mode, shown: str) -> None:
    assert str(mode) == shown


def test_what_a_camera_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    node = Kernel(monkeypatch, tmp_path).add(
        "video0",
        modes={"H264": {(1920, 1080): (30,)}, "MJPG": {(640, 480): (30, 15)}, "YUYV": {(8, 8): ()}},
    )
    device = api.Device(node.path)
    assert list_modes(device, 640, 480, 30) == [
        Mode("MJPG", 640, 480, 30.0),
        Mode("MJPG", 640, 480, 15.0),
        Mode("YUYV", 8, 8, None),
    ]
    device.close()


def test_of_ranges_the_nearest_value_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """v4l2loopback and some grabbers list ranges: sizes in steps, and any rate."""
    kernel = Kernel(monkeypatch, tmp_path)
    node = kernel.add("video0", modes={"YUYV": {}})

    def sizes(answer: Struct) -> None:
        if answer.index:
            raise OSError(22, "Invalid argument")
        answer.type = 3
        answer.values[:] = 48, 1920, 16, 32, 1080, 2

    def intervals(answer: Struct) -> None:
        if answer.index:
            raise OSError(22, "Invalid argument")
        answer.type = 2
        shortest, longest, _step = answer.intervals
        shortest.numerator, shortest.denominator = 1, 60
        longest.numerator, longest.denominator = 1, 1

    monkeypatch.setattr(node, "_enum_sizes", sizes)
    monkeypatch.setattr(node, "_enum_intervals", intervals)
    device = api.Device(node.path)
    assert list_modes(device, 1280, 721, 30) == [Mode("YUYV", 1280, 720, 30.0)]
    assert list_modes(device, 3000, 20, 240) == [Mode("YUYV", 1920, 32, 60.0)]
    assert list_modes(device, 650, 480, 0.5) == [Mode("YUYV", 656, 480, 1.0)]
    device.close()


def test_the_requests_are_those_of_the_kernels_header() -> None:
    assert api.ENUM_FRAMESIZES == 0xC02C564A
    assert api.ENUM_FRAMEINTERVALS == 0xC034564B
