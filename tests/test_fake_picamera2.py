# ruff: noqa: ANN401 - picamera2 has no types
"""The fake of picamera2 has the pitfalls of the real library.

The same steps were taken with picamera2 0.3.22 and 0.3.38 themselves over a stub of libcamera.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from csi_bench import VARIABLE, Bench
from helpers import GENEROUS_S, wait_until


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "fake_picamera2"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cameras.json"))
    for name in ("picamera2", "libcamera"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield Bench(tmp_path / "cameras.json")
    for name in ("picamera2", "libcamera"):
        sys.modules.pop(name, None)


@pytest.fixture
def camera(bench: Bench) -> Iterator[Any]:
    """Yield a running camera."""
    import picamera2

    camera = picamera2.Picamera2()
    camera.configure(
        camera.create_video_configuration(
            main={"size": (160, 120), "format": "BGR888"},
            buffer_count=4,
            queue=False,
            controls={"FrameDurationLimits": (20_000, 20_000)},
        )
    )
    camera.start()
    yield camera
    camera.cancel_all_and_flush()
    camera.close()


def test_requests_that_are_kept_starve_the_camera(camera: Any) -> None:
    kept = [camera.capture_request() for _ in range(4)]
    with pytest.raises(TimeoutError):
        camera.capture_request(wait=0.3)
    assert camera.starved > 0
    for request in kept:
        request.release()
    with pytest.raises(RuntimeError, match="negative ref_count"):
        kept[0].release()


def test_a_wait_that_times_out_leaves_a_job_that_takes_a_request(camera: Any) -> None:
    for _ in range(4):
        with pytest.raises(TimeoutError):
            camera.capture_request(wait=1e-6)
    wait_until(lambda: len(camera.outstanding) == 4, "four requests that nobody has")
    wait_until(lambda: camera.starved > 0, "starvation")


def test_no_wait_at_all_gives_a_job(camera: Any) -> None:
    for wait in (False, 0):
        camera.capture_request(wait=wait).get_result(GENEROUS_S).release()


def test_an_array_that_outlives_its_request_shows_noise(camera: Any) -> None:
    import picamera2

    request = camera.capture_request()
    with picamera2.MappedArray(request, "main", write=False) as mapped:
        view = mapped.array
        copy = view.copy()
        with pytest.raises(ValueError, match="read-only"):
            view[:] = 0
    request.release()
    assert not np.array_equal(view, copy)
    with pytest.raises((AssertionError, KeyError)):
        request.make_array("main")


def test_stop_waits_behind_a_job_that_waits_for_a_frame(camera: Any, bench: Bench) -> None:
    bench.set(dislodged=True)
    wait_until(lambda: _silent(camera), "silence")
    camera.cancel_all_and_flush()
    job = camera.capture_request(wait=False)
    stopping = threading.Thread(target=_stop, args=(camera,), daemon=True)
    stopping.start()
    stopping.join(0.5)
    assert stopping.is_alive()
    camera.cancel_all_and_flush()
    stopping.join(GENEROUS_S)
    assert not stopping.is_alive()
    with pytest.raises(CancelledError):
        camera.wait(job, 1.0)


def _stop(camera: Any) -> None:
    with pytest.raises(CancelledError):  # flushing cancels `stop`, too
        camera.stop()


def test_close_does_not_wait_for_jobs(camera: Any, bench: Bench) -> None:
    bench.set(dislodged=True)
    camera.capture_request(wait=False)
    camera.close()
    assert not camera.is_open


def test_frames_come_back_only_after_a_new_start(camera: Any, bench: Bench) -> None:
    camera.capture_request().release()
    bench.set(dislodged=True)
    wait_until(lambda: _silent(camera), "silence")  # the last frames may still be under way
    camera.cancel_all_and_flush()
    bench.set(dislodged=False)
    with pytest.raises(TimeoutError):
        camera.capture_request(wait=0.3)
    camera.cancel_all_and_flush()
    camera.stop()
    camera.start()
    camera.capture_request(wait=GENEROUS_S).release()


@pytest.mark.parametrize(
    ("version", "kind"), [((0, 3, 22), IndexError), ((0, 3, 38), RuntimeError)]
)
def test_a_number_too_large_raises_what_that_version_raises(
    bench: Bench, version: tuple[int, ...], kind: type[Exception]
) -> None:
    import picamera2

    bench.set(version=version)
    with pytest.raises(kind):
        picamera2.Picamera2(5)


def _silent(camera: Any) -> bool:
    try:
        camera.capture_request(wait=0.3).release()
    except TimeoutError:
        return True
    return False
