from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder
from pose_edge.overlay import Drawing, Readout, Size, Stamp
from pose_edge.overlay.figures import place_poses
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.palette import YELLOW
from pose_edge.overlay.panel import PanelLine
from pose_edge.overlay.readout import GAP, TIED, ReadoutKind
from pose_edge.poses import Provenance
from pose_edge.telemetry import DISPLAY, Event, Telemetry

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


def make(telemetry: Telemetry, clock: Clock, *, newest: bool = False) -> Readout:
    return Readout(
        telemetry, source=lambda: "/dev/video0", live=True, newest=newest, clock_ns=clock
    )


CPU = Provenance("movenet-lightning-fp16", "cpu")


NOBODY = place_poses([], (0, 0, 640, 480), mirror=False, min_score=0.3)


def stamp(
    readout: Readout,
    size: Size,
    kind: ReadoutKind = "full",
    *,
    skipped: int = 0,
    provenance: Provenance = CPU,
) -> Stamp:
    """Return the readout for a picture that fills the screen and shows nobody."""
    return readout.stamp(kind, size, (0, 0, *size), NOBODY, provenance, skipped=skipped)


def draw(
    readout: Readout,
    canvas: Picture,
    order: ColourOrder = "RGB",
    *,
    skipped: int = 0,
    provenance: Provenance = CPU,
    kind: ReadoutKind = "full",
) -> None:
    height, width = canvas.shape[:2]
    panel = stamp(readout, (width, height), kind, provenance=provenance, skipped=skipped)
    Painter(order).paint(canvas, Drawing(stamps=(panel,)))


def grey(width: int, height: int) -> Picture:
    return np.full((height, width, 3), 128, np.uint8)


def drawn(readout: Readout, skipped: int = 0, provenance: Provenance = CPU) -> Picture:
    canvas = grey(640, 480)
    draw(readout, canvas, skipped=skipped, provenance=provenance)
    return canvas


def texts(lines: Sequence[PanelLine]) -> list[str]:
    return [f"{line.label}: {line.text}" if line.label else line.text for line in lines]


def test_the_pill_says_rate_and_latency_and_nothing_else(telemetry: Telemetry) -> None:
    readout = make(telemetry, Clock())
    assert texts(readout.short_lines(CPU)) == ["0.0 fps"], "nothing is made up"
    telemetry.add({"latency": 43.6})
    assert texts(readout.short_lines(CPU)) == [f"0.0 fps{GAP}44 ms"]
    telemetry.set_fault("recording", "the disk is full")
    helped = Provenance("movenet-lightning-int8", "cpu", "edgetpu lost 12:03")
    lines = readout.short_lines(helped)
    assert texts(lines[1:]) == ["cpu (edgetpu lost 12:03)", "! recording: the disk is full"]
    assert [line.kind for line in lines] == ["figure", "detail", "fault"]
    assert texts(readout.short_lines(CPU, paused=True))[0] == "paused"


def test_parts_with_the_same_fault_share_a_line(telemetry: Telemetry) -> None:
    telemetry.set_fault("recording", "the disk is full")
    telemetry.set_fault("display", "unplugged")
    telemetry.set_fault("poses", "the disk is full")
    lines = make(telemetry, Clock()).short_lines(CPU)
    assert texts(lines[1:]) == ["! recording, poses: the disk is full", "! display: unplugged"]


def test_the_age_of_poses_that_were_moved_forward_is_told(telemetry: Telemetry) -> None:
    telemetry.add({"latency": 12.3, "pose_age": 78.1})
    assert texts(make(telemetry, Clock()).short_lines(CPU)) == [f"0.0 fps{GAP}12 ms"]
    readout = make(telemetry, Clock(), newest=True)
    assert texts(readout.short_lines(CPU)) == [f"0.0 fps{GAP}12 ms{GAP}poses 78 ms"]
    lines = texts(readout.full_lines(CPU, skipped=0))
    assert lines[3:5] == ["latency: 12 ms, exposure to screen", "pose age: 78 ms, moved forward"]
    telemetry.set_fault(DISPLAY, "unplugged")
    assert texts(readout.short_lines(CPU))[0] == "0.0 fps"


def test_at_rest_no_rate_is_told_that_looks_like_a_fault(telemetry: Telemetry) -> None:
    telemetry.add({"latency": 12.3})
    readout = make(telemetry, Clock())
    assert texts(readout.short_lines(CPU, resting=True)) == [f"at rest{GAP}12 ms"]
    assert texts(readout.full_lines(CPU, skipped=0, resting=True))[1] == "poses: 0.0 fps (at rest)"


def test_without_a_screen_earlier_latencies_are_not_shown(telemetry: Telemetry) -> None:
    telemetry.add({"latency": 43.6})
    telemetry.set_fault(DISPLAY, "unplugged")
    assert texts(make(telemetry, Clock()).short_lines(CPU))[0] == "0.0 fps"


def test_the_table_says_what_was_measured_with_units(telemetry: Telemetry) -> None:
    for event in (Event.CAPTURED, Event.PROCESSED, Event.SHOWN):
        for _ in range(3):
            telemetry.tick(event)
    telemetry.add({"latency": 41.3})
    telemetry.set_fault("camera", "no frame for 5 s")
    readout = make(telemetry, Clock())
    lines = readout.full_lines(Provenance("movenet-thunder-edgetpu", "edgetpu"), skipped=12)
    assert [line.label for line in lines[:3]] == ["camera", "poses", "screen"]
    assert all(re.fullmatch(r"\d+\.\d fps", line.text) for line in lines[:3])
    assert texts(lines[3:]) == [
        "latency: 41 ms, exposure to screen",
        "skipped: 12",
        "model: movenet-thunder-edgetpu",
        "runs on: edgetpu",
        "source: /dev/video0",
        "! camera: no frame for 5 s",
    ]
    assert lines[-1].kind == "fault"


def test_the_table_says_what_the_latency_is_made_up_of(telemetry: Telemetry) -> None:
    telemetry.shown(
        {"arrival": 8.21, "queue": 0.5, "inference": 12.25, "handover": 0.04, "present": 9.0}
    )
    lines = texts(make(telemetry, Clock()).full_lines(CPU, skipped=0))
    assert lines[3:7] == [
        "latency: 30 ms, exposure to screen",
        f"in, ms: arrival{TIED}8.2{GAP}queue{TIED}0.5",
        f"model, ms: inference{TIED}12.2",
        f"out, ms: handover{TIED}0.0{GAP}present{TIED}9.0",
    ]


def test_both_models_of_two_stages_are_named(telemetry: Telemetry) -> None:
    two = Provenance("movenet-lightning-int8", "cpu", finder="movenet-multipose-int8")
    lines = texts(make(telemetry, Clock()).full_lines(two, skipped=0))
    assert "model: movenet-multipose-int8 + movenet-lightning-int8" in lines


def test_what_was_not_measured_is_not_made_up(telemetry: Telemetry) -> None:
    readout = Readout(telemetry, source=lambda: "demo", live=False)
    lines = texts(readout.full_lines(Provenance("m", "cpu"), skipped=0))
    assert lines[:4] == [
        *("file: 0.0 fps", "poses: 0.0 fps", "screen: 0.0 fps"),
        "latency: -, frame to screen",
    ]
    assert not any(line.startswith("!") for line in lines)


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


def test_a_change_of_what_finds_the_poses_shows_at_once(telemetry: Telemetry) -> None:
    """Although the clock does not advance: a change of the model, the backend or the note."""
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


def test_the_panel_does_not_shrink_with_its_numbers(telemetry: Telemetry) -> None:
    clock = Clock()
    readout = make(telemetry, clock)
    # The long number makes this line the widest, so that it determines the panel's width.
    wide = drawn(readout, skipped=10**20)
    clock.now_ns += 10**9
    narrow = drawn(readout, skipped=1)
    assert (np.nonzero(wide != 128)[1]).max() == (np.nonzero(narrow != 128)[1]).max()


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (720, 1280)])
def test_the_pill_is_small_and_the_table_leaves_most_of_the_picture(
    telemetry: Telemetry, size: tuple[int, int]
) -> None:
    telemetry.add({"latency": 43.6})
    readout = make(telemetry, Clock())
    pill, table = (stamp(readout, size, kind).place for kind in ("short", "full"))
    assert pill[2] * pill[3] < 0.03 * size[0] * size[1]
    assert pill[3] > min(size) / 16, "it can be read from three metres"
    assert table[2] * table[3] < 0.25 * size[0] * size[1]
    for x, y, width, height in (pill, table):
        assert 0 < x < x + width < size[0]
        assert 0 < y < y + height < size[1]


def test_long_faults_are_broken_and_stay_in_the_picture(telemetry: Telemetry) -> None:
    telemetry.set_fault("camera", LONG)
    canvas = grey(640, 480)
    draw(make(telemetry, Clock()), canvas)
    rows, columns = np.nonzero((canvas != 128).any(axis=2))
    assert columns.max() < 640 - 5
    assert rows.max() < 400
    yellow_rows = np.nonzero((canvas == YELLOW).all(axis=2))[0]
    assert yellow_rows.max() - yellow_rows.min() > 2 * 12


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
        return stamp(readout, (width, height)).picture

    large, small = panel(1920, 1080), panel(640, 480)
    assert large.shape[0] > 1.5 * small.shape[0]
    for _ in range(3):
        assert panel(1920, 1080) is large
        assert panel(640, 480) is small


def test_a_long_name_is_broken_within_its_column(telemetry: Telemetry) -> None:
    readout = Readout(telemetry, source=lambda: "a-source-with-a-long-name-" * 3, live=True)
    assert stamp(readout, (640, 480)).picture.shape[1] < 0.8 * 640


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.text(max_size=100), max_size=3))
def test_any_size_and_any_fault_can_be_drawn(width: int, height: int, faults: list[str]) -> None:
    telemetry = Telemetry()
    telemetry.add({"latency": 43.6})
    for number, message in enumerate(faults):
        telemetry.set_fault(f"part {number}", message)
    whole = np.full((height + 8, width + 8, 3), 77, np.uint8)
    for kind in ("short", "full"):
        draw(make(telemetry, Clock()), whole[4:-4, 4:-4], kind=kind)
    whole[4:-4, 4:-4] = 77
    assert (whole == 77).all()
