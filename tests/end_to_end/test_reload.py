"""Reloads of the configuration and replacements of parts while `pose-edge run` goes on."""

from __future__ import annotations

import itertools
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml
from clips import demo_frames
from command import Command, Lines, Log, read_lines
from helpers import GENEROUS_S, slowness, wait_until
from mjpeg import MjpegServer
from tflite import POSENET, rewrite, without_filter
from xvfb import xvfb

SLOWEST_S = 1.0
"""Limit in seconds for gaps between poses: above a frame's interval, below any restart."""


class Service:
    """A run on a network camera, with a configuration that can be edited."""

    def __init__(self, pose_edge: Command, camera: MjpegServer) -> None:
        self._pose_edge = pose_edge
        self.camera = camera
        self.config = pose_edge.folder / "config.yaml"
        self.poses = pose_edge.folder / "p.jsonl"
        self.values: dict[str, dict[str, Any]] = {
            "source": {"name": camera.url},
            "camera": {"timeout": 2.0},  # a busy machine may be silent for half a second
            "display": {"kind": "none"},
            "poses": {"path": "p.jsonl"},
        }

    def start(self, *arguments: str, **environment: str) -> None:
        self.write()
        self.process = self._pose_edge.start(
            "run", "--config", self.config, *arguments, **environment
        )
        self.log = Log(self.process)
        self.wait_for_lines(5)

    def write(self, text: str | None = None) -> None:
        self.config.write_text(text or yaml.safe_dump(self.values), encoding="utf-8")

    def reload(self, **values: Any) -> None:  # noqa: ANN401 - whatever YAML can hold
        """Change settings, given as `section__key=value`, and wait until the run has read them."""
        for name, value in values.items():
            section, _, key = name.partition("__")
            self.values.setdefault(section, {})[key] = value
        self.write()
        before = self.log.text.count("configuration ")
        self.process.send_signal(signal.SIGHUP)
        self.log.wait_for("configuration ", before + 1)

    def lines(self) -> Lines:
        text = self.poses.read_text() if self.poses.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        self.poses.with_suffix(".whole").write_text(whole, encoding="utf-8")
        return read_lines(self.poses.with_suffix(".whole"))

    def wait_for_lines(self, more: int = 10) -> None:
        count = len(self.lines())
        wait_until(lambda: len(self.lines()) >= count + more, "poses")

    def longest_gap(self) -> float:
        times: list[float] = [line["time"] for line in self.lines()]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


@pytest.fixture
def service(pose_edge: Command) -> Iterator[Service]:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        yield Service(pose_edge, camera)


@pytest.mark.quiet
def test_another_model_and_another_drawing_come_without_a_gap(service: Service) -> None:
    service.start()
    service.reload(model__name="movenet-thunder-int8", overlay__crop=True)
    assert "model.name: movenet-lightning-int8 -> movenet-thunder-int8" in service.log.text
    assert "overlay.crop: false -> true" in service.log.text
    service.wait_for_lines()
    models = [line["model"] for line in service.lines()]
    assert models == sorted(models), "first lightning, then thunder"
    assert set(models) == {"movenet-lightning-int8", "movenet-thunder-int8"}
    assert service.longest_gap() < SLOWEST_S * slowness()
    service.reload()
    assert "configuration read again: nothing has changed" in service.log.text
    assert service.camera.connections == 1
    assert service.log.end() == 0


@pytest.mark.quiet
def test_what_is_faulty_is_refused_and_the_run_goes_on(service: Service, tmp_path: Path) -> None:
    crashing = rewrite(tmp_path / "crashing.tflite", POSENET, without_filter)
    faulty = {
        f"model:\n  threads: 1\n  name: {crashing}\n": "crashing.tflite",
        "model:\n  threads: many\n": "config.yaml:2: model.threads",
        "model: [\n": "config.yaml:2: ",
        "model:\n  name: /nowhere.tflite\n": "/nowhere.tflite",
        "source:\n  name: /nowhere.mp4\n": "/nowhere.mp4",
        "record:\n  path: /nowhere/out.mp4\n": "/nowhere",
        "edgetpu: on\n": "Edge TPU",
    }
    service.start("--set", "testing.sysfs=/nonexistent")
    for number, (text, reason) in enumerate(faulty.items()):
        service.write(text)
        service.process.send_signal(signal.SIGHUP)
        service.log.wait_for("configuration not taken: ", number + 1)
        said = [one for one in service.log.text.splitlines() if "not taken" in one]
        assert len(said) == number + 1, "of each one line"
        assert "ERROR" in said[-1]
        assert re.search(reason, said[-1])
        service.wait_for_lines(5)
    assert service.longest_gap() < SLOWEST_S * slowness()
    assert service.camera.connections == 1
    assert service.log.end() == 0


def test_only_the_source_is_begun_anew_when_only_that_has_changed(service: Service) -> None:
    service.start()
    with MjpegServer(demo_frames(range(10, 40)), fps=15) as other:
        service.reload(source__name=other.url)
        wait_until(lambda: other.connections == 1, "the other camera")
        service.wait_for_lines()
        numbers = [line["seq"] for line in service.lines()]
        assert numbers == sorted(set(numbers)), "frames are numbered on"
        assert service.log.text.count("model: movenet") == 1
        assert service.log.end() == 0


def test_poses_and_recordings_go_to_other_files(service: Service) -> None:
    service.start()
    service.reload(record__path="one.mp4", poses__path="q.jsonl")
    folder = service.config.parent
    first = len(service.lines())
    service.poses = folder / "q.jsonl"
    service.wait_for_lines(20)
    service.reload(record__path="two.mp4")
    service.wait_for_lines(20)
    service.reload(record__path=None)
    wait_until(lambda: (folder / "two.mp4").stat().st_size > 1000)
    assert service.log.end() == 0
    seq = [line["seq"] for line in read_lines(folder / "p.jsonl") + read_lines(service.poses)]
    assert seq == sorted(set(seq)), "one file goes on where the other ended"
    assert first >= 5
    for name in ("one.mp4", "two.mp4"):
        capture = cv2.VideoCapture(str(folder / name))
        frames = 0
        while capture.read()[0]:
            frames += 1
        capture.release()
        assert frames >= 10, name


def test_the_picture_moves_to_another_screen(service: Service) -> None:
    with xvfb(800, 600) as desktop:
        service.start(DISPLAY=desktop.display)
        assert float(desktop.screenshot().mean()) < 5
        service.reload(display__kind="window")
        wait_until(lambda: float(desktop.screenshot().mean()) > 20, "a picture")
        service.reload(display__kind="none")
        wait_until(lambda: float(desktop.screenshot().mean()) < 5, "no window")
        assert service.longest_gap() < 5 * slowness(), "poses go on"
        assert service.log.end() == 0


def test_a_source_that_hangs_is_replaced_and_nothing_else(service: Service) -> None:
    service.start("--set", "testing.deadlock=source")
    service.process.send_signal(signal.SIGUSR2)
    service.log.wait_for("source: hangs from now on")
    service.log.wait_for("is back")
    service.wait_for_lines()
    assert "no heartbeat for" in service.log.text
    assert 3 < service.longest_gap() < 20 * slowness()
    assert service.log.text.count("model: movenet") == 1
    assert service.log.end() == 0


@pytest.mark.slow
def test_an_estimator_that_hangs_is_replaced_and_nothing_else(service: Service) -> None:
    service.start("--set", "testing.deadlock=inference")
    service.process.send_signal(signal.SIGUSR2)
    service.log.wait_for("inference is back")
    service.wait_for_lines()
    assert 10 < service.longest_gap() < 30 * slowness()
    assert service.camera.connections == 1
    assert service.log.end() == 0


def test_a_main_thread_that_hangs_is_a_matter_for_systemd(service: Service, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(GENEROUS_S)
        service.start(
            *("--set", "testing.deadlock=screen"),
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="2000000",
        )
        service.process.send_signal(signal.SIGUSR2)
        while systemd.recv(4096) != b"WATCHDOG=trigger":
            pass
        service.log.wait_for("only a restart of the program helps now")
        service.process.send_signal(signal.SIGABRT)  # as systemd does
        assert service.process.wait(GENEROUS_S) == -signal.SIGABRT


def test_a_service_that_is_told_to_reload_tells_when_it_has(
    service: Service, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(GENEROUS_S)
        service.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        service.reload(overlay__crop=True)
        heard = ""
        while "RELOADING=1" not in heard or "READY=1" not in heard.partition("RELOADING=1")[2]:
            heard += systemd.recv(4096).decode() + "\n"
        assert "MONOTONIC_USEC=" in heard
        assert service.log.end() == 0


def test_the_log_outlives_reloads_that_come_close_together(service: Service) -> None:
    """Runtimes write to standard error while they load; it must not be redirected meanwhile."""
    service.start()
    error = Path(f"/proc/{service.process.pid}/fd/2")
    target = error.readlink()
    for number in range(30):
        service.values["model"] = {"threads": number % 2 + 1, "min_pose_score": number / 100}
        service.write()
        for _ in range(2):
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        assert error.readlink() == target
    service.reload(overlay__crop=True)
    service.log.wait_for("overlay.crop: false -> true")
    service.reload(camera__fsp=3)
    service.log.wait_for("unknown key; did you mean camera.fps?")
    assert error.readlink() == target
    assert service.log.end() == 0
    assert "frames in " in service.log.text


def test_the_last_picture_takes_another_overlay_and_refuses_another_model(
    pose_edge: Command,
) -> None:
    (scene,) = demo_frames(range(64, 65))
    cv2.imwrite(str(pose_edge.folder / "picture.png"), scene)
    config = pose_edge.folder / "config.yaml"

    def write(**sections: dict[str, Any]) -> None:
        values = {"source": {"name": "picture.png"}, "display": {"kind": "window"}}
        config.write_text(yaml.safe_dump({**values, **sections}), encoding="utf-8")

    write()
    with xvfb(800, 600) as desktop:
        process = pose_edge.start("run", "--config", config, DISPLAY=desktop.display)
        log = Log(process)
        wait_until(lambda: float(desktop.screenshot().mean()) > 20, "the picture")
        before = desktop.screenshot().astype(int)
        write(overlay={"skeleton": False, "readout": False})
        process.send_signal(signal.SIGHUP)
        log.wait_for("configuration read again: ")
        wait_until(lambda: abs(desktop.screenshot() - before).max() > 50, "another drawing")
        write(model={"name": "movenet-thunder-int8"})
        process.send_signal(signal.SIGHUP)
        log.wait_for("configuration not taken: picture.png has been read to its end")
        assert log.text.count("model: movenet") == 1
        assert log.end() == 0
