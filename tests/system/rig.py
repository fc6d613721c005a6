"""The test rig: the machine, what is plugged into it, and the program."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from system.camera import CAMERA_SIZE, UsbCamera
from system.machine import Machine
from system.outage import scaled_limit
from system.program import Line, Program
from system.report import Chapter
from system.screen import Screen, bright_pixels, wait_for

LIGHT_MODEL: Final = "/opt/light.tflite"
"""Path of the light model in the machine; see `light_model`."""

WAIT_S: Final = 40.0
"""Seconds after which a test stops waiting; above the limits, to measure how late a result is."""
BEGIN_S: Final = 120.0
"""Seconds that the program may take to start on an emulated processor."""
CAMERA_LIMIT_S: Final = 3.0
"""Poses must resume within this many seconds after the camera is available again (idle host)."""
SCREEN_LIMIT_S: Final = 2.0
"""The picture must appear within this many seconds after the screen is connected (idle host)."""

BACK: Final = ("is back", "is there")


@dataclass
class Bench:
    """The machine with its camera and screen; times are seconds of the machine's own clock."""

    machine: Machine
    camera: UsbCamera
    screen: Screen
    chapter: Chapter

    def run(self, command: str, *, timeout: float = 60.0) -> str:
        """Run a command that must succeed in the machine, and return its output."""
        return self.machine.agent(command, timeout=timeout)

    def now(self) -> float:
        """Return the machine's time, which the pose lines use too."""
        return float(self.run("date +%s.%N"))

    def plug_camera(
        self, size: tuple[int, int] = CAMERA_SIZE, rate: int = 30, still: int = 1
    ) -> tuple[str, float]:
        """Plug the camera in, and return its device path and the time the kernel created it."""
        self.camera.plug(size, rate, still)
        return self.wait_for_camera()

    def wait_for_camera(self) -> tuple[str, float]:
        """Wait for a camera device; return its path and the time the kernel created it."""
        words = self.run(
            'until p=$(ls /dev/video* 2>/dev/null | head -n 1) && [ -n "$p" ]; do sleep 0.02; '
            'done; echo "$p $(stat --format=%.9Y $p)"'
        )
        path, since = words.split()
        return path, float(since)

    def wait_for_no_camera(self) -> None:
        """Wait until no camera device exists."""
        self.run("while ls /dev/video* >/dev/null 2>&1; do sleep 0.02; done")

    def wait_for_video(self) -> None:
        """Wait until the screen shows the camera's video."""
        wait_for(self.screen.shows_video, "the video on the screen", WAIT_S)

    def wait_for_message(self) -> None:
        """Wait until the screen shows a text message instead of an outdated picture."""
        took = wait_for(
            lambda: self.screen.similarity() < 0.5 and bright_pixels(self.screen.dump()) > 300,
            "a message on the screen",
            WAIT_S,
        )
        self.chapter.measure("until the screen says so", took)
        self.chapter.picture("while it is away", self.screen.dump())


@dataclass
class Rig(Bench):
    """A bench with the program, which each test starts itself."""

    program: Program

    def begin(self, *arguments: str, lines: int = 3, model: str = LIGHT_MODEL) -> None:
        """Start the program, and wait until it has written `lines` pose lines."""
        self.program.start("--model", model, *arguments)
        wait_for(
            lambda: len(self.program.lines()) >= lines or not self.program.running(),
            "the first poses",
            BEGIN_S,
        )
        assert self.program.running(), f"it ended: {self.program.log()}"

    def next_line(self, since: float) -> Line:
        """Wait for the first pose line whose frame was exposed after `since`.

        Raises:
            AssertionError: No such line was written within `WAIT_S`, or the program ended.
        """
        deadline = time.monotonic() + WAIT_S
        while True:
            for line in self.program.lines():
                if line["time"] > since:
                    return line
            assert self.program.running(), f"it ended: {self.program.log()}"
            assert time.monotonic() < deadline, f"no poses within {WAIT_S:g} s"
            time.sleep(0.1)

    def recovery(self, since: float, *, what: str = "until the next pose") -> float:
        """Wait for poses, and return how many seconds after `since` their frame was exposed."""
        took = float(self.next_line(since)["time"]) - since
        self.chapter.measure(what, took, limit=f"at most {scaled_limit(CAMERA_LIMIT_S):.1f} s")
        return took

    def recoveries(self) -> int:
        """Return how often the program logged that its source has come back."""
        return sum(any(word in line for word in BACK) for line in self.program.log().splitlines())
