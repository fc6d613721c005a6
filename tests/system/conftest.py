"""Fixtures of the system tests: the shared virtual machines, cameras and the report."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from checkout import build_wheel
from system.camera import CAMERA_SIZE, UsbCamera
from system.image import Image, cache, fingerprint, provide_image
from system.installed import LOG, provide_installed
from system.light_model import write_light_model
from system.machine import Machine
from system.program import Program, install
from system.report import Chapter, Report
from system.rig import LIGHT_MODEL, Rig
from system.screen import ReferenceVideo, Screen
from system.service import Service
from system.service_rig import ServiceRig

from pose_edge.frames import Image as Picture
from pose_edge.util import resources

NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils"}
NEEDED_TO_BUILD = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"}

REPORT = pytest.StashKey[Report]()


def missing() -> str | None:
    """Return why no virtual machine can be started here, or None if one can."""
    needed = dict(NEEDED)
    if not (cache() / fingerprint()).exists():
        if os.geteuid() != 0:
            return "there is no image of the virtual machine yet, and only root can build it"
        needed.update(NEEDED_TO_BUILD)
    paths = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    packages = [
        package for name, package in needed.items() if shutil.which(name, path=paths) is None
    ]
    return f"not installed: {', '.join(packages)}" if packages else None


def title_of(item: pytest.Item) -> str:
    """Return a test's title in the report: file and test name."""
    return item.nodeid.rpartition("/")[2]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        inside = Path(__file__).parent in item.path.parents
        if inside and item.get_closest_marker("campaign") is None:
            item.add_marker(pytest.mark.system)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    result: pytest.TestReport = yield  # type: ignore[assignment]
    chapter = item.config.stash[REPORT].chapter(title_of(item))
    chapter.seconds += result.duration
    chapter.load = os.getloadavg()[0]
    if result.when == "call" or result.outcome != "passed":
        chapter.outcome = result.outcome
    if result.failed:
        chapter.text("failure", result.longreprtext)
    if result.when == "teardown":  # after each test, so that the report can be read meanwhile
        item.config.stash[REPORT].write()
    return result  # type: ignore[return-value]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report even if the run was interrupted in the middle of a test."""
    if session.config.stash[REPORT].begun:
        session.config.stash[REPORT].write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report = terminalreporter.config.stash[REPORT]
    if report.path is not None:
        terminalreporter.write_line(f"report: {report.path}")


@pytest.fixture
def chapter(request: pytest.FixtureRequest) -> Chapter:
    """Return this test's chapter of the report."""
    return request.config.stash[REPORT].chapter(title_of(request.node))


@pytest.fixture
def write_report(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Return a function that writes the report so far, for use during a long test."""
    return request.config.stash[REPORT].write


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the product's wheel; skip the test if no virtual machine can be started."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def machine(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Boot a machine in which the product is installed from its wheel, for an ordinary user."""
    report = request.config.stash[REPORT].chapter("the machine")
    folder = tmp_path_factory.mktemp("machine")
    made = Machine(provide_image(), folder)
    try:
        report.measure("boot", made.boot())
        report.measure("installation", install(made.agent, wheel))
        made.agent.push(write_light_model(folder / "light.tflite"), LIGHT_MODEL)
        report.outcome = "passed"
        yield made
    finally:
        made.discard()


@pytest.fixture(scope="session")
def with_service(request: pytest.FixtureRequest, wheel: Path) -> Image:
    """Return the image of a machine in which `pose-edge service install` has been run."""
    report = request.config.stash[REPORT].chapter("the service's installation")
    image = provide_installed(provide_image(), wheel)
    report.text("what it said, and when", (image.disk.parent / LOG).read_text(encoding="utf-8"))
    report.outcome = "passed"
    return image


@pytest.fixture(scope="module")
def service_machine(
    with_service: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Boot a new machine with the service for each test module."""
    made = Machine(with_service, tmp_path_factory.mktemp("service"))
    try:
        made.boot()
        yield made
    finally:
        made.discard()


@pytest.fixture(scope="module")
def service_webcam(service_machine: Machine, video: list[Picture]) -> Iterator[UsbCamera]:
    """Return the camera of `service_machine`; module scope, so that the clip is encoded once."""
    made = UsbCamera(service_machine.usb_port, video)
    yield made
    if made.plugged:
        made.unplug()


@pytest.fixture
def service_rig(
    service_machine: Machine, service_webcam: UsbCamera, reference: ReferenceVideo, chapter: Chapter
) -> Iterator[ServiceRig]:
    """Return the machine with its service as the previous test left it; see `restore`."""
    screen = Screen(service_machine, reference)
    made = ServiceRig(
        service_machine, service_webcam, screen, chapter, Service(service_machine), reference
    )
    since = made.service.cursor()
    yield made
    chapter.picture("the screen at the end", made.screen.dump())
    chapter.text("threads at the end", made.service.threads())
    chapter.text("systemctl status", made.run("systemctl status --no-pager pose-edge || true"))
    chapter.text("log", made.service.log(since=since))


@pytest.fixture(scope="session")
def video() -> list[Picture]:
    """Return the bundled demo clip, which the camera plays: BGR frames of `CAMERA_SIZE`."""
    capture = cv2.VideoCapture(str(resources.demo_clip()))
    frames: list[Picture] = []
    while True:
        more, image = capture.read()
        if not more:
            capture.release()
            return frames
        small = cv2.resize(image, CAMERA_SIZE, interpolation=cv2.INTER_AREA)
        frames.append(np.asarray(small, dtype=np.uint8))


@pytest.fixture(scope="session")
def reference(video: list[Picture]) -> ReferenceVideo:
    """Return the reference that recognises the frames of `video`."""
    return ReferenceVideo(video)


@pytest.fixture(scope="session")
def webcam(machine: Machine, video: list[Picture]) -> UsbCamera:
    """Return the camera of `machine`; session scope, so that the clip is encoded once."""
    return UsbCamera(machine.usb_port, video)


@pytest.fixture
def rig(
    machine: Machine, webcam: UsbCamera, reference: ReferenceVideo, chapter: Chapter
) -> Iterator[Rig]:
    """Return machine, camera, screen and program; reset them after the test.

    Only the screen is connected: the camera is not plugged in and the program not started. The
    program's log is added to the report.
    """
    made = Rig(machine, webcam, Screen(machine, reference), chapter, Program(machine))
    yield made
    chapter.picture("the screen at the end", made.screen.dump())
    chapter.text("threads", made.program.threads())
    try:
        made.program.end()
    finally:
        made.program.kill()
        chapter.text("log", made.program.log())
        chapter.text("last poses", "\n".join(map(json.dumps, made.program.lines()[-100:])))
        if webcam.plugged:
            webcam.unplug()
        made.wait_for_no_camera()
