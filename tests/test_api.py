"""The public interface, used as by a program."""

from __future__ import annotations

import doctest
import itertools
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from checkout import REPOSITORY
from clips import demo_frames
from helpers import (
    GENEROUS_S,
    FakeEstimator,
    FakeSource,
    coded_picture,
    frames,
    make_frame,
    no_threads_left,
    noise,
    read_code,
    wait_until,
    write_video,
)

import pose_edge
from pose_edge import (
    ConfigError,
    Keypoint,
    ModelError,
    PoseEstimator,
    SourceError,
    UnavailableError,
    UsageError,
    api,
    open_pipeline,
)
from pose_edge.frames import Frame, Image
from pose_edge.poses import Estimate
from pose_edge.sources import Source
from pose_edge.telemetry import Stopwatch

PERSON = 60
"""Index of a frame of the demo clip in which the first inference pass finds a person."""


@pytest.fixture(scope="module")
def image() -> Image:
    return demo_frames(range(PERSON, PERSON + 1))[0]


@pytest.fixture(scope="module")
def estimator() -> Iterator[PoseEstimator]:
    with PoseEstimator() as one:
        yield one


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Write a video of ten frames that encode their index."""
    return write_video(tmp_path / "clip.mp4", [n / 10 for n in range(10)])


@pytest.fixture
def threads() -> set[threading.Thread]:
    """Return the threads that exist before the test."""
    return set(threading.enumerate())


def run_program(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# --- the package ----------------------------------------------------------------------------------


def test_every_public_name_is_there() -> None:
    for name in pose_edge.__all__:
        assert getattr(pose_edge, name) is not None
    assert set(pose_edge.__all__) <= set(dir(pose_edge))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pose_edge.nonsense  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy() -> None:
    done = run_program(
        """
        import sys
        import pose_edge
        heavy = {"numpy", "cv2", "pydantic", "yaml", "logging", "importlib.metadata"}
        print(sorted(heavy & set(sys.modules)))
        pose_edge.Keypoint, pose_edge.SourceError, pose_edge.__version__
        print(sorted({"cv2", "pydantic", "yaml"} & set(sys.modules)))
        """
    )
    # Some installations (editable ones) import importlib.metadata when Python starts.
    lines = [line.replace("'importlib.metadata'", "") for line in done.stdout.splitlines()]
    assert lines == ["[]", "[]"], done


def test_the_examples_of_the_docstrings_run(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("person.jpg", image)
    result = doctest.testmod(api)
    assert result.attempted >= 7
    assert result.failed == 0


def test_the_code_of_the_documentation_runs(
    image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("person.jpg", image)
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    nose = re.search(r"nose at ([\d.]+), ([\d.]+)", printed)
    assert nose is not None
    assert [float(value) for value in nose.groups()] == pytest.approx([0.78, 0.58], abs=0.02)
    assert "1.00 s, frame 30: 1 people" in printed
    assert "/dev/video9" in printed
    assert len(blocks) == 4


# --- pictures -------------------------------------------------------------------------------------


def test_a_person_is_found_where_they_are(estimator: PoseEstimator, image: Image) -> None:
    (pose,) = estimator(image)
    height, width = image.shape[:2]
    x, y = pose.pixels(width, height)[Keypoint.NOSE]
    assert (pose[Keypoint.NOSE].x * width, pose[Keypoint.NOSE].y * height) == pytest.approx((x, y))
    assert pose[Keypoint.NOSE].y < pose[Keypoint.LEFT_HIP].y < pose[Keypoint.LEFT_ANKLE].y
    assert pose.id is None
    assert estimator.backend == "cpu"


def test_the_order_of_colours_counts(estimator: PoseEstimator, image: Image) -> None:
    bgr, rgb = estimator(image), estimator(image[..., ::-1], order="RGB")
    np.testing.assert_array_equal(bgr[0].keypoints, rgb[0].keypoints)
    wrong = estimator(image, order="RGB")
    assert not wrong or not np.array_equal(wrong[0].keypoints, bgr[0].keypoints)


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda image: image[:, ::-1][:, ::-1], id="turned twice"),
        pytest.param(np.asfortranarray, id="column by column"),
        pytest.param(lambda image: np.pad(image, ((9, 9), (9, 9), (0, 0)))[9:-9, 9:-9], id="part"),
        pytest.param(lambda image: np.dstack((image, image[..., :1]))[..., :3], id="of four"),
    ],
)
def test_the_layout_in_memory_does_not_count(
    estimator: PoseEstimator, image: Image, view: Callable[[Image], Image]
) -> None:
    same = view(image)
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(estimator(same)[0].keypoints, estimator(image)[0].keypoints)


def test_a_picture_is_not_changed_and_not_kept(estimator: PoseEstimator, image: Image) -> None:
    mine = image.copy()
    (pose,) = estimator(mine)
    np.testing.assert_array_equal(mine, image)
    before = pose.keypoints.copy()
    mine[:] = 0
    assert estimator(mine) == []
    np.testing.assert_array_equal(pose.keypoints, before)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 40_000), (70_000, 3), (7, 5)])
def test_a_picture_may_have_any_size(estimator: PoseEstimator, size: tuple[int, int]) -> None:
    assert estimator(np.zeros((*size, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ("person.jpg", TypeError, "must be a numpy array, not str; numpy.asarray"),
        ([[1, 2, 3]], TypeError, "not list"),
        (None, TypeError, "not NoneType"),
        (np.zeros((4, 4, 3)), TypeError, "must be of uint8, 0...255, not of float64"),
        (np.zeros((4, 4, 3), np.int8), TypeError, "not of int8"),
        (np.zeros((4, 4), np.uint8), ValueError, r"\(height, width, 3\), not \(4, 4\)"),
        (np.zeros((4, 4, 1), np.uint8), ValueError, r"not \(4, 4, 1\)"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"not \(4, 4, 4\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), ValueError, r"not \(1, 4, 4, 3\)"),
        (np.zeros((3, 4, 4), np.uint8), ValueError, r"not \(3, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r"not \(0, 4, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused(
    estimator: PoseEstimator, wrong: Image, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        estimator(wrong)


def test_an_unknown_order_is_refused(estimator: PoseEstimator, image: Image) -> None:
    with pytest.raises(ValueError, match="order must be 'BGR' or 'RGB', not 'rgb'"):
        estimator(image, order="rgb")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not 'GBR'"):
        open_pipeline("demo", order="GBR")  # type: ignore[arg-type]


def test_earlier_pictures_have_no_influence(estimator: PoseEstimator) -> None:
    pictures = demo_frames(range(60, 120, 12))
    with PoseEstimator() as fresh:
        alone = fresh(pictures[-1])
    for picture in pictures:
        last = estimator(picture)
    np.testing.assert_array_equal(last[0].keypoints, alone[0].keypoints)


def test_with_tracking_people_keep_their_ids_until_it_is_reset(image: Image) -> None:
    pictures = demo_frames(range(PERSON, PERSON + 6))
    with PoseEstimator(tracking=True) as tracker, PoseEstimator() as single:
        ids = [tracker(picture, time_s=n / 30)[0].id for n, picture in enumerate(pictures)]
        assert ids == [1] * 6
        tracked = tracker(pictures[-1], time_s=6 / 30)[0]
        # With tracking the crop comes from the last frame, not from the whole frame.
        assert not np.array_equal(tracked.keypoints, single(pictures[-1])[0].keypoints)
        black = np.zeros_like(image)
        assert tracker(black, time_s=1.0) == []
        assert tracker(image, time_s=9.0)[0].id == 2  # the person was forgotten
        tracker.reset()
        assert tracker(image, time_s=0.0)[0].id == 1
        np.testing.assert_array_equal(
            tracker(image, time_s=0.1)[0].keypoints.shape, single(image)[0].keypoints.shape
        )


def test_several_people_are_found_by_a_model_for_several(image: Image) -> None:
    two = np.hstack((image[:, 400:1280], image[:, 400:1280]))
    with PoseEstimator("movenet-multipose-int8") as several:
        assert len(several(two)) == 2
    with PoseEstimator("movenet-multipose-int8", settings={"model.max_people": 1}) as one:
        assert len(one(two)) == 1


def test_several_threads_may_call_it(estimator: PoseEstimator) -> None:
    pictures = demo_frames(range(60, 120, 12))
    expected = [estimator(picture)[0].keypoints for picture in pictures]
    wrong: list[int] = []

    def call(number: int) -> None:
        for _ in range(5):
            if not np.array_equal(estimator(pictures[number])[0].keypoints, expected[number]):
                wrong.append(number)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(len(pictures))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(GENEROUS_S)
    assert wrong == []


def test_a_closed_estimator_says_so(image: Image) -> None:
    with PoseEstimator() as one:
        one(image)
    assert one.closed
    one.close()
    with pytest.raises(RuntimeError, match="this pose estimator is closed"):
        one(image)


def test_closing_waits_for_a_call_of_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, closed_meanwhile = threading.Event(), []

    class SlowEstimator(FakeEstimator):
        def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
            entered.set()
            found = super().estimate(frame, stopwatch)
            closed_meanwhile.append(self.runtime.closed)
            return found

    slow = SlowEstimator()
    slow.gate.clear()
    monkeypatch.setattr(api, "load_model", loads(slow))
    one = PoseEstimator()
    caller = threading.Thread(target=one, args=(coded_picture(1),))
    caller.start()
    assert entered.wait(GENEROUS_S)
    closer = threading.Thread(target=one.close)
    closer.start()
    closer.join(0.1)  # long enough to close it if it did not wait
    slow.gate.set()
    caller.join(GENEROUS_S)
    closer.join(GENEROUS_S)
    assert closed_meanwhile == [False]
    assert slow.runtime.closed


def test_a_forgotten_estimator_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEstimator()
    monkeypatch.setattr(api, "load_model", loads(fake))
    one = PoseEstimator()
    assert not fake.runtime.closed
    del one
    assert fake.runtime.closed


# --- settings -------------------------------------------------------------------------------------


def test_settings_are_those_of_config_yaml(image: Image, tmp_path: Path) -> None:
    with PoseEstimator(settings={"model.min_pose_score": 1.0}) as strict:
        assert strict(image) == []
    file = tmp_path / "config.yaml"
    file.write_text("model:\n  min_pose_score: 1.0\n")
    for path in (file, str(file)):
        with PoseEstimator(settings=path) as strict:
            assert strict(image) == []
    with PoseEstimator("movenet-thunder-int8", settings={"model.name": "no-such"}) as named:
        assert named(image)
    with PoseEstimator(threads=1, settings={"model.min_pose_score": None}) as usual:
        assert usual(image)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoseEstimator(threads=99), "model.threads: 99 is not allowed here; allowed"),
        (lambda: PoseEstimator(edgetpu="maybe"), "allowed: auto, on, off"),  # type: ignore[arg-type]
        (lambda: PoseEstimator(settings={"model.treads": 1}), "did you mean model.threads"),
        (lambda: PoseEstimator(settings={"model.second_look": 3}), "true or false"),
        (lambda: PoseEstimator(settings="/no/such/file"), "/no/such/file: cannot be read"),
        (lambda: open_pipeline("demo", settings={"camera.width": -1}), "camera.width: -1"),
    ],
)
def test_a_wrong_setting_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_the_environment_has_no_influence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_EDGE_MODEL__NAME", "no-such-model")
    PoseEstimator().close()


def test_what_cannot_be_had_is_named() -> None:
    with pytest.raises(ModelError, match="no model 'movenet'"):
        PoseEstimator("movenet")
    with pytest.raises(UnavailableError, match="no Edge TPU model goes with posenet-mobilenet"):
        PoseEstimator("posenet-mobilenet", edgetpu="on")
    with pytest.raises(UsageError, match="runs on an Edge TPU only"):
        PoseEstimator("movenet-lightning-edgetpu", edgetpu="off")


# --- sources --------------------------------------------------------------------------------------


def loads(estimator: FakeEstimator) -> Callable[..., FakeEstimator]:
    """Return a replacement for `load_model` that returns this estimator."""

    def load(_settings: object, stack: object, **_options: object) -> FakeEstimator:
        stack.callback(estimator.runtime.close)  # type: ignore[attr-defined]
        return estimator

    return load


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Source], FakeEstimator]:
    """Return a function that makes `open_pipeline` use a source and a fake estimator."""

    def use_source(source: Source) -> FakeEstimator:
        estimator = FakeEstimator()
        monkeypatch.setattr(api, "load_model", loads(estimator))
        monkeypatch.setattr(api, "choose_source", lambda *_settings: source)
        return estimator

    return use_source


def test_every_frame_of_a_file_has_its_result(clip: Path) -> None:
    with open_pipeline(clip) as results:
        found = list(results)
    assert [read_code(result.frame.image) for result in found] == list(range(10))
    assert [result.frame.index for result in found] == list(range(10))
    assert [result.time for result in found] == pytest.approx([n / 10 for n in range(10)])
    assert {(result.model, result.backend) for result in found} == {
        ("movenet-lightning-int8", "cpu")
    }
    assert set(found[0].latency_ms) == {"wait", "preprocess", "inference", "postprocess", "total"}
    assert list(results) == []


def test_what_is_missing_of_a_file_is_told(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_pipeline(clip) as whole:
        assert len(list(whole)) == 10
    assert whole.missing == ()
    clip.write_bytes(damaged(clip))
    with open_pipeline(clip) as results:
        assert len(list(results)) == 9
        assert list(results) == []
    assert results.missing == (f"{clip.name}: 1 of 10 frames is damaged or missing",)
    assert caplog.messages.count(results.missing[0]) == 1


def damaged(path: Path) -> bytes:
    """Return the content of a video with its last packet overwritten by zeros."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        place, size = packets[-1].pos, packets[-1].size
    assert place is not None
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    return bytes(content)


def test_a_slow_loop_loses_no_frame_of_a_file(use: Callable[[Source], FakeEstimator]) -> None:
    use(FakeSource(list(frames(30)), live=False))
    with open_pipeline("fake") as results:
        seen = []
        for result in results:
            time.sleep(0.01)
            seen.append(read_code(result.frame.image))
    assert seen == list(range(30))


def test_the_frames_are_the_callers_own(clip: Path) -> None:
    with open_pipeline(clip) as results:
        kept = []
        for result in results:
            kept.append(result)
            result.frame.image[0, 0] = 77  # the caller may change it
    for number, result in enumerate(kept):
        assert read_code(result.frame.image) == number
        assert result.frame.image.flags.owndata


def test_frames_come_in_the_order_of_colours_that_is_wanted(
    use: Callable[[Source], FakeEstimator], tmp_path: Path
) -> None:
    picture = noise(64, 48)
    cv2.imwrite(str(tmp_path / "noise.png"), picture)
    for order, expected in (("BGR", picture), ("RGB", picture[..., ::-1])):
        with open_pipeline(tmp_path / "noise.png", order=order) as results:  # type: ignore[arg-type]
            (result,) = results
        assert result.frame.order == order
        np.testing.assert_array_equal(result.frame.image, expected)
        assert result.frame.file == "noise.png"
    use(FakeSource([make_frame(picture, order="RGB")], live=False))
    with open_pipeline("fake") as results:
        (result,) = results
    assert result.frame.order == "BGR"
    np.testing.assert_array_equal(result.frame.image, picture[..., ::-1])


def test_a_path_object_means_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="demo holds no pictures"):
        open_pipeline(Path("demo"))
    with pytest.raises(SourceError, match="/dev/video9999"):
        open_pipeline(9999)


def test_a_live_source_drops_frames_while_the_loop_is_busy(
    use: Callable[[Source], FakeEstimator],
) -> None:
    estimator = use(FakeSource(frames(interval_s=0.002), live=True))
    with open_pipeline("fake") as results:
        first = next(iter(results))
        later = first.frame.index + 20
        wait_until(lambda: min(estimator.codes[-2:]) > later, "20 frames more")
        finished = estimator.codes[-2]  # the last one may not have been delivered yet
        second = next(iter(results))
        assert second.frame.index >= finished > later


def test_a_live_source_is_opened_at_once_or_waited_for(
    use: Callable[[Source], FakeEstimator], threads: set[threading.Thread]
) -> None:
    absent = FakeSource(frames(), live=True)
    absent.open_errors = [SourceError("no camera is plugged in")]
    estimator = use(absent)
    with pytest.raises(SourceError, match="no camera is plugged in"):
        open_pipeline("fake")
    assert estimator.runtime.closed
    assert no_threads_left(threads)

    absent.open_errors = [SourceError("no camera is plugged in")]
    use(absent)
    with open_pipeline("fake", settings={"camera.wait": True}) as results:
        next(iter(results))
    assert absent.opened == 1


def test_what_a_source_or_model_dies_of_is_raised_in_the_loop(
    use: Callable[[Source], FakeEstimator], threads: set[threading.Thread]
) -> None:
    use(FakeSource([*frames(3), SourceError("the file is damaged")], live=False))
    seen = []
    with pytest.raises(SourceError, match="damaged"), open_pipeline("fake") as results:
        seen += [result.frame.index for result in results]
    assert no_threads_left(threads)

    use(FakeSource(list(frames(5)), live=False)).fail_at = 2
    with pytest.raises(ZeroDivisionError), open_pipeline("fake") as results:
        seen += [result.frame.index for result in results]


def test_leaving_early_ends_the_threads_and_closes_everything(
    use: Callable[[Source], FakeEstimator], threads: set[threading.Thread]
) -> None:
    source = FakeSource(frames(), live=False)
    estimator = use(source)
    with open_pipeline("fake") as results:
        for result in results:
            if result.frame.index == 3:
                break
    assert results.closed
    assert no_threads_left(threads)
    assert source.closed
    assert estimator.runtime.closed

    with pytest.raises(LookupError), open_pipeline("fake") as results:
        raise LookupError
    assert results.closed
    assert no_threads_left(threads)


def test_a_forgotten_stream_ends_its_threads(
    use: Callable[[Source], FakeEstimator], threads: set[threading.Thread]
) -> None:
    use(FakeSource(frames(), live=True))
    for _result in open_pipeline("fake"):
        break
    assert no_threads_left(threads)


def test_closing_it_ends_the_loop_of_another_thread(
    use: Callable[[Source], FakeEstimator],
) -> None:
    use(FakeSource(itertools.chain(frames(1), itertools.repeat(None)), live=True))
    results = open_pipeline("fake")
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(r.frame.index for r in results))
    reader.start()
    wait_until(lambda: bool(seen), "the first result")
    results.close()
    reader.join(GENEROUS_S)
    assert not reader.is_alive()
    assert seen == [0]


def test_it_works_in_any_thread_and_leaves_signals_alone(clip: Path) -> None:
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    seen: list[int] = []

    def read() -> None:
        with open_pipeline(clip) as results:
            seen.extend(result.frame.index for result in results)

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(GENEROUS_S)
    assert seen == list(range(10))
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == handlers


def test_a_video_plays_at_its_own_speed_only_when_that_is_wanted(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "slow.mp4", [2.0 * n for n in range(10)])
    with open_pipeline(clip, realtime=True) as results:
        moments = [time.monotonic() for _result in itertools.islice(results, 2)]
    assert moments[1] - moments[0] > 1.8
    with open_pipeline(clip) as results:
        moments = [time.monotonic() for _result in results]
    assert len(moments) == 10
    assert moments[-1] - moments[0] < 9  # instead of 18 seconds


# --- as a program ---------------------------------------------------------------------------------


def test_nothing_is_printed(clip: Path) -> None:
    done = run_program(
        """
        import sys
        from pose_edge import open_pipeline
        with open_pipeline(sys.argv[1]) as results:
            for result in results:
                pass
        open_pipeline(sys.argv[1])  # ends with the program
        """,
        clip,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ctrl_c_reaches_the_program() -> None:
    program = """
        from pose_edge import open_pipeline
        try:
            with open_pipeline("demo", realtime=True) as results:
                for result in results:
                    print(result.frame.index, flush=True)
        except KeyboardInterrupt:
            print("interrupted", results.closed)
        """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "0\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest.splitlines()[-1] == "interrupted True"
    assert process.returncode == 0
    assert len(rest.splitlines()) < 100
