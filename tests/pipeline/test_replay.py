"""A video is replayed with the poses that were recorded with it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from helpers import make_frame, make_result, noise, person, pose, write_video

from pose_edge.config.schema import Settings, SourceSettings
from pose_edge.errors import EndOfStream, SourceError, UsageError
from pose_edge.frames import Frame
from pose_edge.pipeline.replay import ReplayEstimator, open_replay
from pose_edge.poses import Pose
from pose_edge.sinks.message import PoseMessage
from pose_edge.sources import choose_source
from pose_edge.tracking import PoseTracker

SIZE = (160, 120)
RATE = 30
UNIX_S = 1763800000.25


def somebody(index: int) -> Pose:
    """Return a pose that encodes the index of its frame in its id and its place."""
    keypoints = person(centre=(0.3 + index * 0.002, 0.5))
    confidence = np.full(17, 0.75, np.float32)
    return replace(pose(keypoints), id=index + 1, confidence=confidence, predicted=index == 3)


def write_lines(
    path: Path,
    times: Sequence[float],
    size: tuple[int, int] = SIZE,
    file: str | None = None,
) -> Path:
    """Write the pose lines of frames at some times; each has one person, from `somebody`."""
    lines = []
    for index, moment in enumerate(times):
        frame = make_frame(noise(*size), index=index, file=file)
        result = make_result(replace(frame, time=moment), [somebody(index)])
        lines.append(PoseMessage.of(result).line)
    path.write_bytes(b"".join(lines))
    return path


def frame_times(count: int, start: float = 0.0) -> list[float]:
    return [start + index / RATE for index in range(count)]


def settings_for(video: Path, lines: Path, *, loop: bool = False) -> Settings:
    return Settings(source=SourceSettings(name=str(video), poses=str(lines), loop=loop))


def frames_of(settings: Settings, count: int) -> list[Frame]:
    source = choose_source(settings.source, settings.camera)
    source.open()
    frames: list[Frame] = []
    try:
        while len(frames) < count:
            if (frame := source.read(1.0)) is not None:
                frames.append(frame)
    except EndOfStream:
        pass
    source.close()
    return frames


def replayed(settings: Settings, count: int = 1000) -> list[int | None]:
    """Return, for each frame, the index that its pose encodes; None for a frame without poses."""
    found: list[int | None] = []
    with ExitStack() as stack:
        estimator = open_replay(settings, stack)
        for frame in frames_of(settings, count):
            poses = estimator.estimate(frame).poses
            number = poses[0].id if poses else None
            found.append(None if number is None else number - 1)
    return found


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "walk.mp4", frame_times(40), SIZE)


def test_each_frame_gets_the_poses_of_its_line(video: Path, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(40))
    assert replayed(settings_for(video, lines)) == list(range(40))


def test_poses_are_those_that_were_recorded(video: Path, tmp_path: Path) -> None:
    settings = settings_for(video, write_lines(tmp_path / "walk.jsonl", frame_times(40)))
    with ExitStack() as stack:
        estimator = open_replay(settings, stack)
        assert isinstance(estimator, ReplayEstimator)
        assert estimator.provenance.place == "cpu (recorded)"
        frame = frames_of(settings, 4)[3]
        (found,) = estimator.estimate(frame).poses
        (tracked,) = PoseTracker(settings, live=False).apply([found], frame)
    true = somebody(3)
    assert tracked == found, "neither numbered nor smoothed again"
    assert np.abs(found.keypoints - true.keypoints).max() <= 1e-4
    assert found.box == pytest.approx(true.box, abs=1e-5)
    assert (found.id, found.predicted) == (4, True)
    assert found.confidence is not None
    assert found.confidence[0] == 0.75


def test_a_recording_of_a_camera_goes_by_the_time_since_its_first_picture(
    video: Path, tmp_path: Path
) -> None:
    """A camera's lines have Unix times; lines before the first picture are skipped."""
    jitter = [0.003 * (index * 7 % 5) for index in range(45)]
    times = [UNIX_S + index / RATE + late for index, late in enumerate(jitter)]
    shown = [moment - times[2] for moment in times[2:42]]
    recording = write_video(video, shown, SIZE)
    lines = write_lines(tmp_path / "walk.jsonl", times)
    assert replayed(settings_for(recording, lines)) == list(range(2, 42))


def test_a_line_that_is_missing_leaves_its_frame_without_poses(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = frame_times(40)
    lines = write_lines(tmp_path / "walk.jsonl", [*times[:35], *times[36:]])
    found = replayed(settings_for(video, lines))
    assert [index for index, number in enumerate(found) if number is None] == [35]
    assert "has no line for 1.17 s" in caplog.text


def test_a_video_that_is_played_again_gets_its_poses_again(video: Path, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(40))
    found = replayed(settings_for(video, lines, loop=True), count=100)
    assert found == [index % 40 for index in range(100)]


def hide_start(video: Path, start_s: float) -> Path:
    """Return a copy of an MP4 whose first frames an edit list hides, as a cut without encoding."""
    cut = video.with_name(f"cut-{video.name}")
    with av.open(str(video)) as source, av.open(str(cut), "w") as target:
        (given,) = source.streams.video
        stream = target.add_stream_from_template(given)
        assert given.time_base is not None
        late = round(start_s / given.time_base)
        for packet in source.demux(given):
            if packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - late, packet.dts - late, stream
                target.mux(packet)
    return cut


def add_sound(video: Path, seconds: float) -> Path:
    """Return a Matroska copy of a video, with silence of a given length."""
    sounding = video.with_suffix(".mkv")
    with av.open(str(video)) as source, av.open(str(sounding), "w") as target:
        (given,) = source.streams.video
        stream = target.add_stream_from_template(given)
        sound = target.add_stream("aac", rate=48000, layout="mono")
        for packet in source.demux(given):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
        for start in range(0, round(seconds * 48000), 1024):
            silence = np.zeros((1, 1024), np.float32)
            part = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            part.sample_rate, part.pts = 48000, start
            target.mux(sound.encode(part))
        target.mux(sound.encode())
    return sounding


def test_an_edit_list_that_hides_frames_does_not_shift_the_poses(
    video: Path, tmp_path: Path
) -> None:
    """The file states more frames than it shows."""
    long = write_video(video, frame_times(200), SIZE)
    cut = hide_start(long, 1.5)
    times = [frame.time for frame in frames_of(settings_for(cut, cut), 1000)]
    assert 100 < len(times) < 170
    lines = write_lines(tmp_path / "walk.jsonl", times)
    assert replayed(settings_for(cut, lines)) == list(range(len(times)))
    found = replayed(settings_for(cut, lines, loop=True), count=400)
    assert found == [index % len(times) for index in range(400)]


@pytest.mark.parametrize("seconds", [1.5, 4.0])
def test_sound_that_is_longer_than_the_picture_does_not_shift_the_poses(
    video: Path, tmp_path: Path, seconds: float
) -> None:
    """The number of frames of such a Matroska file is guessed from its length."""
    sounding = add_sound(video, seconds)
    times = [frame.time for frame in frames_of(settings_for(sounding, sounding), 1000)]
    assert len(times) == 40
    lines = write_lines(tmp_path / "walk.jsonl", times)
    assert replayed(settings_for(sounding, lines)) == list(range(40))
    found = replayed(settings_for(sounding, lines, loop=True), count=130)
    assert found == [index % 40 for index in range(130)]


def test_poses_that_go_on_after_the_end_of_a_matroska_file_are_refused(
    video: Path, tmp_path: Path
) -> None:
    sounding = add_sound(video, 1.5)
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(100))
    with pytest.raises(UsageError, match=r"the video ends after 1\.5"):
        replayed(settings_for(sounding, lines))


def test_poses_that_end_before_their_video_are_refused_when_they_end(
    video: Path, tmp_path: Path
) -> None:
    recording = write_video(video, frame_times(120), SIZE)
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(45))
    with pytest.raises(UsageError, match=r"the poses end after 1\.47 s, the video goes on"):
        replayed(settings_for(recording, lines))


@pytest.mark.parametrize("step", [120.0, 0.75, -0.5, -3600.0, UNIX_S - 30])
def test_a_clock_that_was_set_during_a_recording_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, step: float
) -> None:
    """The lines of a camera have the time of the clock, the video has the time that passed."""
    shown = frame_times(160)
    recording = write_video(tmp_path / "walk.mp4", shown, SIZE)
    start = UNIX_S - max(0.0, step)
    clock = [start + at + (step if index >= 100 else 0) for index, at in enumerate(shown)]
    lines = write_lines(tmp_path / "walk.jsonl", clock)
    unknown = [None] * 4
    expected = [*range(100), *unknown, *range(104, 160)]
    caplog.set_level("INFO")
    assert replayed(settings_for(recording, lines)) == expected
    assert f"the clock was set by {step:.3f} s at 3.33 s" in caplog.text
    found = replayed(settings_for(recording, lines, loop=True), count=320)
    assert found == expected * 2


@pytest.mark.parametrize("gap", [6, 12, 18])
def test_lines_that_are_missing_are_not_taken_for_a_clock_that_was_set(
    tmp_path: Path, gap: int
) -> None:
    """A camera may be so even that its later lines fit earlier frames."""
    recording = write_video(tmp_path / "walk.mp4", frame_times(200), SIZE)
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(200, UNIX_S))
    texts = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(b"".join(texts[:150] + texts[150 + gap :]))
    unknown = [None] * gap
    found = replayed(settings_for(recording, lines))
    assert found == [*range(150), *unknown, *range(150 + gap, 200)]


def test_of_several_videos_the_lines_of_this_one_count(video: Path, tmp_path: Path) -> None:
    mine = write_lines(tmp_path / "a", frame_times(40), file=video.name).read_bytes()
    others = write_lines(tmp_path / "b", frame_times(7), file="other.mp4").read_bytes()
    lines = tmp_path / "walk.jsonl"
    lines.write_bytes(others + mine)
    assert replayed(settings_for(video, lines)) == list(range(40))


def test_lines_of_another_program_are_read_too(video: Path, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(40))
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    texts = [json.dumps(one, sort_keys=True, separators=(",", ":")) for one in records]
    lines.write_text("\n".join(texts))
    assert replayed(settings_for(video, lines)) == list(range(40))


@pytest.mark.parametrize(
    ("times", "size", "why"),
    [
        (frame_times(40), (120, 160), "frames of 160x120 and of 120x160 pixels"),
        (frame_times(5), SIZE, "30 frames or more and 5 lines"),
        (frame_times(80), SIZE, "the video ends after 1.33 s, the poses after 2.63 s"),
        ([index / 25 for index in range(40)], SIZE, "the times of their frames differ"),
        ([UNIX_S + index / 25 for index in range(60)], SIZE, "the times of their frames differ"),
    ],
)
def test_a_pair_that_does_not_belong_together_is_refused(
    video: Path, tmp_path: Path, times: list[float], size: tuple[int, int], why: str
) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", times, size)
    with ExitStack() as stack, pytest.raises(UsageError) as error:
        open_replay(settings_for(video, lines), stack)
    assert f"walk.mp4 and {lines} do not belong together: {why}" in str(error.value)


def test_a_pair_that_parts_later_is_refused_then(video: Path, tmp_path: Path) -> None:
    recording = write_video(video, frame_times(200), SIZE)
    times = [moment if moment < 2 else moment + 0.01 for moment in frame_times(200)]
    with pytest.raises(UsageError, match="the times of their frames differ"):
        replayed(settings_for(recording, write_lines(tmp_path / "walk.jsonl", times)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, " cannot be read: No such file or directory"),
        ("", " holds no poses of walk.mp4"),
        ("\n", " holds no poses of walk.mp4"),
        ("time,frame\n1,2\n", ", line 1: this is no JSON object"),
        ("[" * 100_000, ", line 1: this is no JSON object"),
        ('{"schema": 2}\n', ", line 1: this is no line of poses"),
        ("[1, 2]\n", ", line 1: this is no line of poses"),
    ],
)
def test_what_is_no_pose_file_is_refused(
    video: Path, tmp_path: Path, text: str | None, why: str
) -> None:
    lines = tmp_path / "walk.jsonl"
    if text is not None:
        lines.write_text(text)
    with ExitStack() as stack, pytest.raises(SourceError) as error:
        open_replay(settings_for(video, lines), stack)
    assert str(error.value) == f"{lines}{why}"


def spoil(lines: Path, old: str, new: str, number: int = 4) -> None:
    """Replace a text, a regular expression, in a line of a file."""
    texts = lines.read_text().splitlines(keepends=True)
    texts[number - 1], count = re.subn(old, new, texts[number - 1], count=1)
    assert count == 1
    lines.write_text("".join(texts))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (r'"time": [\d.]+', '"time": 1-2', "this is no JSON object"),
        (r'"time": [\d.]+', '"time": NaN', "time is not a number"),
        (r'"time": [\d.]+', '"time": 1e999', "time is not a number"),
        (r'"time": [\d.]+', f'"time": {10**400}', "time is not a number"),
        (r'"time": [\d.]+', '"time": null', "time is not a number"),
        (r'"time": [\d.]+', '"time": "0.1"', "time is not a number"),
        (r'"frame": ..........', '"frame": 5', "frame is not a width and a height"),
        (r'"frame": ..........', '"frame": [160, 0]', "frame is not a width and a height"),
        (r'"frame": ..........', '"frame": [160, 120.0]', "frame is not a width and a height"),
        (r'"poses": .*', '"poses": null}', "poses is not a list"),
        (r'"poses": .*', '"poses": [7]}', "a pose is not an object"),
        (r'"id": \d+', '"id": "4"', "id is neither a whole number from 1 nor null"),
        (r'"id": \d+', '"id": 0', "id is neither a whole number from 1 nor null"),
        (r'"id": \d+', '"id": 1.5', "id is neither a whole number from 1 nor null"),
        (r'"id": \d+, ', "", "id is neither a whole number from 1 nor null"),
        (r'"score": [\d.]+', '"score": 1e300', "score is not a number"),
        (r'"score": [\d.]+', '"score": "high"', "score is not a number"),
        (r'"box": \[[^]]*', '"box": [0, 0, 1', "box is not 4 numbers"),
        (r'"box": \[[^]]*', '"box": ["0", "0", "1", "1"', "box is not 4 numbers"),
        (r'"keypoints": \[\[', '"keypoints": [[NaN, NaN, 1], [', "keypoints is not 17 x 3 numbers"),
        (r'"keypoints": \[\[[\d.]+', '"keypoints": [[NaN', "keypoints is not 17 x 3 numbers"),
        (r'"keypoints": \[\[[\d.]+', '"keypoints": [[Infinity', "keypoints is not 17 x 3 numbers"),
        (r'"confidence": \[[^]]*', '"confidence": [0.5', "confidence is not 17 numbers"),
    ],
)
def test_a_faulty_line_is_named(video: Path, tmp_path: Path, old: str, new: str, why: str) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(40))
    spoil(lines, old, new)
    with pytest.raises(SourceError) as error:
        replayed(settings_for(video, lines))
    assert str(error.value) == f"{lines}, line 4: {why}"


def test_empty_lines_do_no_harm(video: Path, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(40))
    lines.write_text("\n" + lines.read_text().replace("\n", "\n\r\n"))
    assert replayed(settings_for(video, lines)) == list(range(40))


@pytest.mark.parametrize("end", ['{"schema": 1, "seq": 39, "time": 1.3, "fra', "\0" * 500])
def test_a_last_line_that_a_power_cut_tore_is_left_out(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    lines = write_lines(tmp_path / "walk.jsonl", frame_times(39))
    lines.write_text(lines.read_text() + end)
    assert replayed(settings_for(video, lines)) == [*range(39), None]
    assert f"{lines}: line 40 is incomplete and left out" in caplog.text


def test_only_a_video_can_be_replayed(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(UsageError, match="name it with --source"):
        open_replay(settings_for(tmp_path, tmp_path / "walk.jsonl"), stack)
