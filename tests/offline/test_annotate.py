from __future__ import annotations

import csv
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest
from clips import load_picture
from helpers import (
    GENEROUS_S,
    FakeEstimator,
    coded_picture,
    no_threads_left,
    read_code,
    read_video,
    write_video,
)
from PIL import Image as PillowImage
from pose_lines import strict
from sound_clips import BEEP_S, heard, write_clip_with_sound

from pose_edge.config.outputs import CsvSettings, PosesSettings
from pose_edge.config.schema import OverlaySettings, Settings, SourceSettings
from pose_edge.errors import OutputError, SourceError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.offline import annotate as annotate_module
from pose_edge.offline.annotate import AnnotateReport, annotate
from pose_edge.offline.annotate_outputs import write_picture

PLAIN = OverlaySettings(skeleton=False)
"""Settings that draw nothing on the pictures, so that their coded number can be read."""


@pytest.fixture(autouse=True)
def estimator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeEstimator:
    """Replace the model by a fake, and change to an empty folder."""
    fake = FakeEstimator()

    def load(
        settings: Settings, stack: ExitStack, *, wait: bool, stop: threading.Event
    ) -> Estimator:
        return fake

    monkeypatch.setattr(annotate_module, "load_model", load)
    monkeypatch.chdir(tmp_path)
    return fake


def run(
    source: Path | str,
    output: Path | str | None = None,
    *,
    draw: bool = True,
    poses: Path | str | None = None,
    overlay: OverlaySettings = PLAIN,
    source_settings: SourceSettings | None = None,
    stop: threading.Event | None = None,
    stop_at: int | None = None,
) -> tuple[AnnotateReport, list[tuple[int, int | None]]]:
    """Annotate a source; a watchdog stops it if it hangs."""
    steps: list[tuple[int, int | None]] = []
    event = stop or threading.Event()
    watchdog = threading.Timer(GENEROUS_S, event.set)
    watchdog.start()

    def progress(_name: str, done: int, total: int | None) -> None:
        steps.append((done, total))
        if done == stop_at:
            event.set()

    settings = Settings(
        overlay=overlay,
        poses=PosesSettings(path=str(poses) if poses else None),
        source=source_settings or SourceSettings(),
    )
    try:
        (report,) = annotate(
            settings,
            [str(source)],
            None if output is None else str(output),
            draw=draw,
            stop=event,
            progress=progress,
        )
    finally:
        watchdog.cancel()
        watchdog.join()
    return report, steps


def lines(path: Path) -> list[dict[str, object]]:
    return [strict(line) for line in path.read_text().splitlines()]


def picture(path: Path, number: int = 0) -> Path:
    assert cv2.imwrite(str(path), coded_picture(number))
    return path


# --- videos ---------------------------------------------------------------------------------------


def test_a_video(tmp_path: Path) -> None:
    times = [0, 0.1, 0.15, 0.2, 0.5, 0.9]
    source = write_video(tmp_path / "in.mp4", times)
    report, steps = run(source, poses=tmp_path / "p.jsonl")
    assert report == AnnotateReport(
        str(source), 6, 6, (Path("in-poses.mp4"), tmp_path / "p.jsonl"), True, ()
    )
    assert steps == [(n, 6) for n in range(1, 7)]
    drawn = read_video(tmp_path / "in-poses.mp4")
    assert [read_code(image) for _, image in drawn] == list(range(6))
    assert [moment for moment, _ in drawn] == pytest.approx(times, abs=1e-3)
    written = lines(tmp_path / "p.jsonl")
    assert [line["seq"] for line in written] == list(range(6))
    assert [line["time"] for line in written] == pytest.approx(times, abs=1e-3)


def test_the_skeleton_is_drawn(tmp_path: Path) -> None:
    grey = np.full((240, 320, 3), 60, dtype=np.uint8)
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1], (320, 240), pictures=lambda _: grey)
    run(source, "plain.mp4")
    run(source, "drawn.mp4", overlay=OverlaySettings())
    for (_, plain), (_, drawn) in zip(
        read_video(tmp_path / "plain.mp4"), read_video(tmp_path / "drawn.mp4"), strict=True
    ):
        changed = np.abs(plain.astype(int) - drawn).max(axis=2) > 60
        ys, xs = np.nonzero(changed)
        assert (xs.min() / 320, xs.max() / 320) == pytest.approx((0.42, 0.58), abs=0.05)
        assert (ys.min() / 240, ys.max() / 240) == pytest.approx((0.19, 0.8), abs=0.05)


def test_the_sound_is_copied(tmp_path: Path) -> None:
    source = write_clip_with_sound(tmp_path / "in.mp4", "aac")
    run(source)
    codec, begin, end, _last = heard(tmp_path / "in-poses.mp4")
    assert codec == "aac"
    assert (begin, end) == pytest.approx(BEEP_S, abs=0.06)


def test_only_poses(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1])
    report, _ = run(source, draw=False, poses=tmp_path / "p.jsonl")
    assert report.outputs == (tmp_path / "p.jsonl",)
    assert len(lines(tmp_path / "p.jsonl")) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "p.jsonl"}


def test_names_that_mean_something_else_without_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "~").mkdir()
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1])
    run(source, "./~/out.mp4", poses="./-")
    assert (tmp_path / "~" / "out.mp4").is_file()
    assert len(lines(tmp_path / "-")) == 2


def test_a_loop_of_the_configuration_is_not_for_annotating(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1, 0.2])
    report, _ = run(source, source_settings=SourceSettings(loop=True))
    assert (report.frames, report.finished) == (3, True)


def test_stopping_leaves_whole_files(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [n / 30 for n in range(60)])
    report, _ = run(source, poses=tmp_path / "p.jsonl", stop_at=10)
    assert not report.finished
    assert 10 <= report.frames < 60
    assert len(read_video(tmp_path / "in-poses.mp4")) == report.frames
    assert len(lines(tmp_path / "p.jsonl")) == report.frames


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["in.png", "in.JPG", "in.bmp", "in.tiff"])
def test_a_picture(tmp_path: Path, name: str) -> None:
    report, steps = run(picture(tmp_path / name, 9), poses=tmp_path / "p.jsonl")
    output = tmp_path / f"in-poses{Path(name).suffix}"
    assert report.outputs == (Path(output.name), tmp_path / "p.jsonl")
    assert read_code(load_picture(str(output))) == 9
    assert steps == [(1, 1)]
    (line,) = lines(tmp_path / "p.jsonl")
    assert line["file"] == name


def test_a_picture_of_another_kind_or_into_a_folder(tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png", 9)
    run(source, "out.jpg")
    assert read_code(load_picture("out.jpg")) == 9
    (tmp_path / "there").mkdir()
    report, _ = run(source, "there")
    assert report.outputs == (Path("there/in-poses.png"),)
    assert report.outputs[0].is_file()


def test_a_folder(tmp_path: Path, estimator: FakeEstimator) -> None:
    source = tmp_path / "album"
    source.mkdir()
    for number, name in enumerate(["a.png", "b.jpg", "d.png"]):
        picture(source / name, number)
    (source / "c.jpg").write_bytes(b"broken")
    report, steps = run(source, poses=tmp_path / "p.jsonl")
    assert (report.frames, report.finished) == (3, True)
    assert report.missing == ("album: 1 of 4 pictures could not be read (c.jpg)",)
    assert steps[-1] == (3, 4)
    output = tmp_path / "album-poses"
    assert {path.name for path in output.iterdir()} == {"a.png", "b.jpg", "d.png"}
    assert read_code(load_picture(str(output / "d.png"))) == 2
    written = lines(tmp_path / "p.jsonl")
    assert [line["file"] for line in written] == ["a.png", "b.jpg", "d.png"]
    assert [line["seq"] for line in written] == [0, 1, 3]
    assert estimator.resets == 3


def test_a_picture_of_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "album"
    source.mkdir()
    wide = np.zeros((16, 16_400, 3), dtype=np.uint8)
    PillowImage.fromarray(wide).save(source / "a.tif")
    (source / "a.tif").rename(source / "a.webp")  # read by content, written by name
    long = "b" * 251 + ".gif"
    PillowImage.fromarray(coded_picture(2)).save(source / long)
    picture(source / "c.png", 3)
    report, _ = run(source, poses=tmp_path / "p.jsonl")
    assert (report.frames, report.finished) == (3, True)
    assert report.missing == (f"2 of 3 pictures could not be written (a.webp, {long}.jpg)",)
    assert [path.name for path in Path("album-poses").iterdir()] == ["c.png"]
    assert len(lines(tmp_path / "p.jsonl")) == 3
    for name in ("a.webp", long):
        with pytest.raises(OutputError, match=r"too large for|File name too long"):
            run(source / name)


def test_a_folder_of_all_kinds_of_pictures(tmp_path: Path) -> None:
    """Pictures of formats that cannot be written become JPEG files, without a clash of names."""
    source = tmp_path / "album"
    source.mkdir()
    picture(source / "a.jpg", 1)
    PillowImage.fromarray(coded_picture(2)).save(source / "a.gif")
    PillowImage.fromarray(coded_picture(3)).save(source / "b.JFIF", format="JPEG")
    PillowImage.fromarray(coded_picture(4)).save(source / "c", format="PNG")
    report, _ = run(source)
    assert (report.frames, report.missing) == (4, ())
    written = {path.name: read_code(load_picture(path)) for path in Path("album-poses").iterdir()}
    assert written == {"a.jpg": 1, "a.gif.jpg": 2, "b.JFIF.jpg": 3, "c.jpg": 4}
    run(source / "a.gif")
    assert read_code(load_picture("a-poses.jpg")) == 2
    with pytest.raises(UsageError, match="must end in one of"):
        run(source / "a.gif", "out.gif")


def test_an_animated_picture_becomes_a_video(tmp_path: Path) -> None:
    first, *others = (PillowImage.fromarray(coded_picture(number)) for number in range(4))
    source = tmp_path / "in.webp"
    first.save(source, save_all=True, append_images=others, duration=200, lossless=True)
    report, steps = run(source)
    assert (report.frames, report.outputs) == (4, (Path("in-poses.mp4"),))
    assert steps[-1] == (4, 4)
    drawn = read_video(tmp_path / "in-poses.mp4")
    assert [read_code(image) for _, image in drawn] == list(range(4))
    assert [moment for moment, _ in drawn] == pytest.approx([0, 0.2, 0.4, 0.6], abs=1e-3)


def test_frames_without_a_person_count(tmp_path: Path, estimator: FakeEstimator) -> None:
    real = estimator.estimate

    def every_second(frame: object, stopwatch: object = None) -> object:
        estimate = real(frame, stopwatch)  # type: ignore[arg-type]
        if estimator.codes[-1] % 2:
            estimate.poses.clear()
        return estimate

    estimator.estimate = every_second  # type: ignore[assignment,method-assign]
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1, 0.2, 0.3, 0.4])
    report, _ = run(source, poses=tmp_path / "p.jsonl")
    assert (report.frames, report.with_person) == (5, 3)
    written = lines(tmp_path / "p.jsonl")
    assert [bool(line["poses"]) for line in written] == [True, False, True, False, True]


# --- what is refused ------------------------------------------------------------------------------


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1])
    before = source.read_bytes()
    (tmp_path / "link.mp4").symlink_to(source)
    for output in ("in.mp4", source, "link.mp4", "./in.mp4"):
        with pytest.raises(UsageError, match="is the input"):
            run(source, output)
    album = tmp_path / "album"
    album.mkdir()
    picture(album / "a.png")
    with pytest.raises(UsageError, match="is the input"):
        run(album, album)
    assert source.read_bytes() == before


@pytest.mark.parametrize("output", ["out.avi", "out", "out.png"])
def test_a_video_is_written_as_mp4(tmp_path: Path, output: str) -> None:
    with pytest.raises(UsageError, match=r"must end in one of \.mp4"):
        run(write_video(tmp_path / "in.mp4", [0.0]), output)


def test_a_picture_is_written_as_a_picture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must end in one of"):
        run(picture(tmp_path / "in.png"), "out.mp4")


def test_what_has_no_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="annotate reads files") as error:
        run("rtsp://joe:s3cret@cam/live")
    assert "s3cret" not in str(error.value)
    with pytest.raises(UsageError, match="annotate reads files"):
        run("/dev/video0")


def test_auto_is_refused_whether_there_is_a_camera_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a camera `auto` would mean the demo clip, in an endless loop."""

    def find(_settings: object) -> NoReturn:
        raise SourceError("no camera found")

    monkeypatch.setattr("pose_edge.sources.any_camera.find_candidates", find)
    with pytest.raises(UsageError, match="annotate reads files"):
        run("auto")


def test_an_input_that_is_not_there_or_unreadable(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        run("gone.mp4")
    (tmp_path / "in.mp4").write_bytes(b"no video")
    with pytest.raises(SourceError, match="is not a video"):
        run(tmp_path / "in.mp4")
    (tmp_path / "in.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="is not a picture"):
        run(tmp_path / "in.png")
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "in.png"}


@pytest.mark.parametrize("output", ["gone/out.mp4", "full.mp4"])
def test_an_output_that_cannot_be_written(tmp_path: Path, output: str) -> None:
    (tmp_path / "full.mp4").symlink_to("/dev/full")
    source = write_video(tmp_path / "in.mp4", [n / 30 for n in range(60)])
    with pytest.raises(OutputError, match=r"no folder|No space left"):
        run(source, output)


def test_poses_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").symlink_to("/dev/full")
    source = write_video(tmp_path / "in.mp4", [n / 30 for n in range(30)])
    with pytest.raises(OutputError, match="No space left"):
        run(source, poses=tmp_path / "p.jsonl")


def test_no_thread_is_left_after_a_failure(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    source = write_video(tmp_path / "in.mp4", [0.0, 0.1])
    with pytest.raises(OutputError):
        run(source, "gone/out.mp4")
    run(source)
    assert no_threads_left(before)


# --- one picture to a file ------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_a_picture_file_has_the_right_colours(tmp_path: Path, order: str) -> None:
    red = (200, 20, 10) if order == "RGB" else (10, 20, 200)
    image = np.empty((8, 8, 3), dtype=np.uint8)
    image[:] = red
    write_picture(tmp_path / "x.png", image, order)  # type: ignore[arg-type]
    assert load_picture(tmp_path / "x.png")[0, 0].tolist() == [10, 20, 200]


def test_a_picture_file_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "x.png", 3)
    before = path.read_bytes()

    with pytest.raises(OutputError, match="File exists"):
        write_picture(path, coded_picture(4), "BGR")

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_picture(path, coded_picture(4), "BGR", replace=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


# --- several inputs ------------------------------------------------------------------------------


def run_several(
    names: list[str],
    output: str | None = None,
    *,
    draw: bool = True,
    poses: str | None = None,
    stop_in: str | None = None,
    force: bool = False,
) -> tuple[list[AnnotateReport], list[str]]:
    event = threading.Event()
    seen: list[str] = []

    def progress(name: str, _done: int, _total: int | None) -> None:
        seen.append(name)
        if name == stop_in:
            event.set()

    settings = Settings(overlay=PLAIN, poses=PosesSettings(path=poses))
    reports = annotate(
        settings, names, output, draw=draw, stop=event, progress=progress, force=force
    )
    return reports, seen


def test_a_table_of_several_inputs_names_them(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    write_video(tmp_path / "c.mp4", [0.0, 0.1])
    settings = Settings(overlay=PLAIN, csv=CsvSettings(path="p.csv"))
    reports = annotate(
        settings,
        ["a.jpg", "c.mp4"],
        None,
        draw=False,
        stop=threading.Event(),
        progress=lambda *_: None,
    )
    assert reports[0].outputs == (Path("p.csv"),)
    with Path("p.csv").open(newline="") as file:
        rows = [(row["file"], row["frame"]) for row in csv.DictReader(file)]
    assert rows == [("a.jpg", "0"), ("c.mp4", "0"), ("c.mp4", "1")]


def test_several_inputs(tmp_path: Path, estimator: FakeEstimator) -> None:
    picture(tmp_path / "a.jpg", 1)
    (tmp_path / "album").mkdir()
    picture(tmp_path / "album" / "b.png", 2)
    write_video(tmp_path / "c.mp4", [0.0, 0.1, 0.2])
    names = ["a.jpg", "album", "c.mp4"]
    reports, seen = run_several(names, poses="p.jsonl")
    assert [report.name for report in reports] == names
    assert [report.frames for report in reports] == [1, 1, 3]
    assert seen == ["a.jpg", "album", "c.mp4", "c.mp4", "c.mp4"]
    made = ["a-poses.jpg", "album-poses", "c-poses.mp4"]
    assert [str(report.outputs[0]) for report in reports] == made
    assert Path("album-poses/b.png").is_file()
    written = lines(Path("p.jsonl"))
    assert [line["file"] for line in written] == ["a.jpg", "b.png", "c.mp4", "c.mp4", "c.mp4"]
    assert [line["seq"] for line in written] == [0, 0, 0, 1, 2]
    reports, _ = run_several(names, "new")
    assert [str(report.outputs[0]) for report in reports] == [f"new/{name}" for name in made]
    reports, _ = run_several(names, "new", force=True)
    assert len(reports) == 3


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a model is loaded."""

    def load(*_arguments: object, **_more: object) -> NoReturn:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(annotate_module, "load_model", load)


@pytest.mark.parametrize(
    ("names", "output", "error", "says"),
    [
        (["a.jpg", "b.jpg"], "out.jpg", UsageError, "several inputs need a folder; e.g. -o drawn"),
        (["a.jpg", "x/a.jpg"], None, UsageError, "would both be written to a-poses.jpg"),
        (["a.jpg", "a.jpg"], "new", UsageError, "a.jpg is given twice"),
        (["a.jpg", "gone.mp4"], None, SourceError, "^gone.mp4: no such file or folder$"),
        (["a.jpg", "rtsp://camera/x"], None, UsageError, "annotate reads files"),
        (["b.jpg", "b-poses.jpg"], None, UsageError, "is the input b-poses.jpg"),
        (["x"], "all.mp4", UsageError, "into a folder, not into a file; e.g. -o all"),
        (["x"], "all.JPG", UsageError, "into a folder, not into a file"),
        (["a.jpg", "b.jpg"], "no/where", OutputError, "there is no folder no"),
        (["a.jpg", "b.jpg"], "b.jpg", UsageError, "several inputs need a folder"),
    ],
)
@pytest.mark.usefixtures("no_model")
def test_nothing_is_begun_that_cannot_be_done(
    tmp_path: Path, names: list[str], output: str | None, error: type[Exception], says: str
) -> None:
    (tmp_path / "x").mkdir()
    for name in ("a.jpg", "b.jpg", "b-poses.jpg", "x/a.jpg"):
        picture(tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=says):
        run_several(names, output)
    assert sorted(tmp_path.rglob("*")) == before


def test_one_of_several_that_cannot_be_read_ends_nothing(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "b.mp4").write_bytes(b"no video")
    picture(tmp_path / "c.jpg")
    reports, _ = run_several(["a.jpg", "b.mp4", "c.jpg"])
    assert [report.frames for report in reports] == [1, 0, 1]
    assert [bool(report.missing) for report in reports] == [False, True, False]
    assert "b.mp4 is not a video" in reports[1].missing[0]
    assert sorted(path.name for path in tmp_path.glob("*-poses*")) == ["a-poses.jpg", "c-poses.jpg"]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to("gone.mp4")
    with pytest.raises(SourceError, match=r"^link.mp4: a link to nothing$"):
        run("link.mp4")


def test_what_was_not_written_is_not_announced(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    reports, _ = run_several(["a.jpg", "b.jpg"])
    assert [report.outputs for report in reports] == [(Path("a-poses.jpg"),), ()]


def test_a_name_with_ends_of_lines_makes_no_further_line(tmp_path: Path) -> None:
    (tmp_path / "b\n\r\tc.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"b\\n\\r\\tc\.jpg is not a picture") as error:
        run("b\n\r\tc.jpg")
    assert "\n" not in str(error.value)


def test_a_current_folder_that_was_removed(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "album").mkdir()
    (tmp_path / "gone").mkdir()
    os.chdir("gone")
    (tmp_path / "gone").rmdir()
    for source in ("a.jpg", "album"):
        with pytest.raises(UsageError, match="the current folder has been removed"):
            run(tmp_path / source)


def test_stopping_leaves_the_rest_alone(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(tmp_path / name)
    reports, seen = run_several(["a.jpg", "b.jpg", "c.jpg"], stop_in="b.jpg")
    assert seen == ["a.jpg", "b.jpg"]
    assert [report.finished for report in reports] == [True, False]
