from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder
from pose_edge.overlay import Drawing, Readout
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.palette import YELLOW
from pose_edge.overlay.readout import GAP
from pose_edge.poses import Provenance
from pose_edge.telemetry import Event, Telemetry

Picture = NDArray[np.uint8]

LONG = "no frame from /dev/video0 for 5 s; is the cable plugged in? " * 10


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def make(telemetry: Telemetry, clock: Clock) -> Readout:
    return Readout(telemetry, source=lambda: "/dev/video0", live=True, clock_ns=clock)


CPU = Provenance("movenet-lightning-fp16", "cpu")


def draw(
    readout: Readout,
    canvas: Picture,
    order: ColourOrder = "RGB",
    *,
    skipped: int = 0,
    provenance: Provenance = CPU,
) -> None:
    height, width = canvas.shape[:2]
    stamp = readout.stamp((width, height), provenance=provenance, skipped=skipped)
    Painter(order).paint(canvas, Drawing(stamps=(stamp,)))


def grey(width: int, height: int) -> Picture:
    return np.full((height, width, 3), 128, np.uint8)


def drawn(readout: Readout, skipped: int = 0, provenance: Provenance = CPU) -> Picture:
    canvas = grey(640, 480)
    draw(readout, canvas, skipped=skipped, provenance=provenance)
    return canvas


def test_the_lines_say_what_was_measured_with_units(telemetry: Telemetry) -> None:
    for event in (Event.CAPTURED, Event.PROCESSED, Event.SHOWN):
        for _ in range(3):
            telemetry.tick(event)
    telemetry.add({"latency": 41.3})
    telemetry.set_fault("camera", "no frame for 5 s")
    readout = make(telemetry, Clock())
    lines = readout.lines(Provenance("movenet-thunder-edgetpu", "edgetpu"), skipped=12)
    number = r"\d+\.\d"
    rates = rf"camera {number}{GAP}poses {number}{GAP}screen {number} fps"
    assert re.fullmatch(rates, lines[0].text)
    assert lines[1].text == f"41 ms exposure to screen{GAP}skipped 12"
    assert lines[2].text == f"movenet-thunder-edgetpu on edgetpu{GAP}/dev/video0"
    assert (lines[3].text, lines[3].kind) == ("! camera: no frame for 5 s", "fault")
    assert len(lines) == 4


def test_both_models_of_two_stages_are_named(telemetry: Telemetry) -> None:
    two = Provenance("movenet-lightning-int8", "cpu", finder="movenet-multipose-int8")
    lines = make(telemetry, Clock()).lines(two, skipped=0)
    assert lines[2].text.startswith("movenet-multipose-int8 + movenet-lightning-int8 on cpu")


def test_what_was_not_measured_is_not_made_up(telemetry: Telemetry) -> None:
    readout = Readout(telemetry, source=lambda: "demo", live=False)
    lines = readout.lines(Provenance("m", "cpu"), skipped=0)
    assert lines[0].text == f"file 0.0{GAP}poses 0.0{GAP}screen 0.0 fps"
    assert lines[1].text == f"- ms frame to screen{GAP}skipped 0"
    assert all(line.kind != "fault" for line in lines)


def test_numbers_change_at_most_four_times_a_second(telemetry: Telemetry) -> None:
    clock = Clock()
    readout = make(telemetry, clock)
    first = drawn(readout, skipped=0)
    clock.now_ns += 249_000_000
    assert (drawn(readout, skipped=888) == first).all()
    clock.now_ns += 1_000_000
    assert (drawn(readout, skipped=888) != first).any()


def test_a_fault_shows_at_once_and_goes_at_once(telemetry: Telemetry) -> None:
    readout = make(telemetry, Clock())
    before = drawn(readout)
    telemetry.set_fault("camera", "gone")
    during = drawn(readout)
    assert (during == YELLOW).all(axis=2).any()
    telemetry.set_fault("camera", None)
    assert (drawn(readout) == before).all()


@pytest.mark.parametrize(
    ("provenance", "says"),
    [
        (Provenance("movenet-lightning-edgetpu", "edgetpu"), "edgetpu"),
        (Provenance("movenet-lightning-int8", "cpu"), "cpu"),
        (
            Provenance("movenet-lightning-int8", "cpu", "edgetpu lost 12:03"),
            "cpu (edgetpu lost 12:03)",
        ),
    ],
)
def test_what_finds_the_poses_is_said(
    telemetry: Telemetry, provenance: Provenance, says: str
) -> None:
    lines = make(telemetry, Clock()).lines(provenance, skipped=0)
    assert lines[2].text == f"{provenance.model} on {says}{GAP}/dev/video0"
    assert lines[2].kind == "detail"


def test_a_change_of_what_finds_the_poses_shows_at_once(telemetry: Telemetry) -> None:
    """Without a moment of the clock going by: model, backend and note, each by itself."""
    readout = make(telemetry, Clock())
    provenances = [
        Provenance("movenet-lightning-edgetpu", "edgetpu"),
        Provenance("movenet-lightning-int8", "cpu", "edgetpu late 12:03"),
        Provenance("movenet-lightning-int8", "cpu", "edgetpu lost 12:03"),
        Provenance("movenet-lightning-int8", "cpu", "edgetpu lost 12:04"),
        Provenance("movenet-lightning-int8", "cpu"),
    ]
    pictures = [drawn(readout, provenance=provenance) for provenance in provenances]
    for before, after in itertools.pairwise(pictures):
        assert (before != after).any()
    assert (drawn(readout, provenance=provenances[0]) == pictures[0]).all()
    assert (drawn(readout, skipped=888, provenance=provenances[0]) == pictures[0]).all()


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (240, 320)])
def test_the_longest_note_stays_in_the_picture(telemetry: Telemetry, size: tuple[int, int]) -> None:
    lost = Provenance("movenet-lightning-int8", "cpu", "edgetpu library missing 12:03")
    canvas = grey(*size)
    draw(make(telemetry, Clock()), canvas, provenance=lost)
    assert (canvas[:, -size[0] // 6 :] == 128).all()
    assert (canvas[size[1] // 2 :] == 128).all()


def test_the_panel_does_not_shrink_with_its_numbers(telemetry: Telemetry) -> None:
    clock = Clock()
    readout = make(telemetry, clock)
    # Wide enough that this line decides the width of the panel.
    wide = drawn(readout, skipped=10**12)
    clock.now_ns += 10**9
    narrow = drawn(readout, skipped=1)
    assert (np.nonzero(wide != 128)[1]).max() == (np.nonzero(narrow != 128)[1]).max()


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (720, 1280)])
def test_the_panel_fits_and_leaves_most_of_the_picture(
    telemetry: Telemetry, size: tuple[int, int]
) -> None:
    width, height = size
    canvas = grey(width, height)
    draw(make(telemetry, Clock()), canvas)
    rows, columns = np.nonzero((canvas != 128).any(axis=2))
    assert 0 < columns.min() <= columns.max() < width * 0.8
    assert 0 < rows.min() <= rows.max() < height * 0.3


def test_long_faults_are_broken_and_stay_in_the_picture(telemetry: Telemetry) -> None:
    telemetry.set_fault("camera", LONG)
    canvas = grey(640, 480)
    draw(make(telemetry, Clock()), canvas)
    rows, columns = np.nonzero((canvas != 128).any(axis=2))
    assert columns.max() < 640 - 5
    assert rows.max() < 240
    yellow_rows = np.nonzero((canvas == YELLOW).all(axis=2))[0]
    assert yellow_rows.max() - yellow_rows.min() > 2 * 480 / 28


def test_both_orders_of_colours_look_the_same(telemetry: Telemetry) -> None:
    telemetry.set_fault("camera", "gone")
    rgb, bgr = grey(640, 480), grey(640, 480)
    readout = make(telemetry, Clock())
    draw(readout, rgb, "RGB")
    draw(readout, bgr, "BGR")
    assert (rgb == bgr[:, :, ::-1]).all()


def test_screen_and_recording_have_panels_of_their_own_that_both_keep(
    telemetry: Telemetry,
) -> None:
    readout = make(telemetry, Clock())

    def panel(width: int, height: int) -> Picture:
        return readout.stamp((width, height), provenance=CPU, skipped=0).picture

    large, small = panel(1920, 1080), panel(640, 480)
    assert large.shape[0] > 1.5 * small.shape[0]
    for _ in range(3):
        assert panel(1920, 1080) is large
        assert panel(640, 480) is small


def test_names_are_smaller_than_figures_and_leave_no_dangling_dot(telemetry: Telemetry) -> None:
    readout = Readout(telemetry, source=lambda: "a-source-with-a-long-name-" * 3, live=True)
    stamp = readout.stamp((640, 480), provenance=CPU, skipped=0)
    assert stamp.picture.shape[1] < 0.8 * 640


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.text(max_size=100), max_size=3))
def test_any_size_and_any_fault_can_be_drawn(width: int, height: int, faults: list[str]) -> None:
    telemetry = Telemetry()
    for number, message in enumerate(faults):
        telemetry.set_fault(f"part {number}", message)
    whole = np.full((height + 8, width + 8, 3), 77, np.uint8)
    draw(make(telemetry, Clock()), whole[4:-4, 4:-4])
    whole[4:-4, 4:-4] = 77
    assert (whole == 77).all()
