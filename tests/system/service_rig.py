"""The test rig of the service: machine, camera, screen, service and outage measurements."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from system.outage import (
    GAP_S,
    STILL_S,
    Outage,
    PictureWatch,
    absence,
    longest_gap,
    scaled_limit,
)
from system.program import Line
from system.rig import WAIT_S, Bench
from system.screen import ReferenceVideo, skeleton_found, wait_for
from system.service import Service, Settings

RATE: Final = 5
"""Frames per second of the camera: enough to see that the picture moves, and few enough to leave
the emulated processor time for what the tests are about."""
BACK_S: Final = 30.0
"""Seconds after a fault within which picture and poses must be back; see `scaled_limit`."""
SETTLED_S: Final = 3.0
"""Seconds that picture and poses must be present without a gap before an outage counts as over."""
GIVE_UP_S: Final = 90.0
"""Seconds after which a test stops waiting; above the limits, to measure how late a result is."""
READY_S: Final = 120.0


@dataclass
class ServiceRig(Bench):
    """The machine with the service; times are seconds of its clock unless stated otherwise."""

    service: Service
    reference: ReferenceVideo

    def restore(self, settings: Settings | None = None) -> None:
        """Connect camera and screen, configure and restart the service, and wait until healthy.

        Args:
            settings: Settings that differ from `service.BASE`.
        """
        if not self.camera.plugged:
            self.plug_camera(rate=RATE)
        self.camera.freeze(frozen=False)
        self.screen.plug(connected=True)
        self.service.configure(settings)
        self.service.restart()
        self.wait_until_healthy()

    def wait_until_healthy(self, limit: float = READY_S) -> None:
        """Wait for current poses and a live picture, for up to `limit` seconds each.

        Raises:
            AssertionError: Poses or picture did not appear in time.
        """
        wait_for(self.poses_are_fresh, "poses", limit)
        wait_for(self.screen.shows_video, "the video on the screen", limit)

    def poses_are_fresh(self) -> bool:
        """Return whether the newest poses belong to a recent frame."""
        lines = self.service.lines()
        return bool(lines) and abs(self.now() - lines[-1]["time"]) < scaled_limit(2 * GAP_S)

    def next_line(self, since: float, limit: float = WAIT_S) -> Line:
        """Wait for the first pose line whose frame was exposed after `since`.

        Raises:
            AssertionError: No such line was written within `limit` seconds.
        """
        deadline = time.monotonic() + limit
        while True:
            for line in self.service.lines():
                if line["time"] > since:
                    return line
            assert time.monotonic() < deadline, (
                f"no poses within {limit:g} s; {self.service.condition()}"
            )
            time.sleep(0.1)

    def skeleton(self) -> float:
        """Return the fraction of the skeleton drawn where the newest poses are; 0...1."""
        return skeleton_found(self.screen.dump(), self.service.lines()[-1])

    def outage(
        self,
        fault: Callable[[], object],
        over: Callable[[], object] | None = None,
        *,
        least: float = 2 * STILL_S,
    ) -> Outage:
        """Inject a fault, and measure how long picture and poses are missing.

        Args:
            fault: Causes the fault; without `over`, the fault ends when this returns.
            over: Ends the fault.
            least: Least time to observe after the fault, in seconds of this host's clock, for
                faults with a delayed effect.

        Raises:
            AssertionError: Picture or poses were not back within `GIVE_UP_S`.
        """
        with PictureWatch(self.screen, self.reference) as watch:
            time.sleep(1.5 * STILL_S)
            clocks = [self._clock()]
            began = time.monotonic()
            fault()
            clocks.append(self._clock())
            if over is not None:
                over()
                clocks.append(self._clock())
            end = time.monotonic()
            while True:
                time.sleep(0.3)
                seen = watch.samples(began - STILL_S)
                exposures = self._exposures(clocks)
                until = time.monotonic()
                picture, picture_back = absence(seen)
                poses, poses_back = longest_gap(exposures, began, until, scaled_limit(GAP_S))
                steady = max(end + least, *(x for x in (picture_back, poses_back) if x), 0.0)
                # Both must have been present for a while, as an outage might resume.
                if until - steady > SETTLED_S and seen and seen[-1][1]:
                    return Outage(
                        picture,
                        poses,
                        max(0.0, (picture_back or end) - end),
                        max(0.0, (poses_back or end) - end),
                    )
                there = {
                    "picture": bool(seen and seen[-1][1]),
                    "poses": poses_back is None or until - poses_back > SETTLED_S,
                }
                away = [name for name, present in there.items() if not present]
                assert until - end < scaled_limit(GIVE_UP_S), (
                    f"{until - end:.0f} s after the fault {' and '.join(away) or 'all'} not there "
                    f"for good; {self.service.condition()}"
                )

    def survives(
        self,
        fault: Callable[[], object],
        over: Callable[[], object] | None = None,
        *,
        what: str = "",
        limit: float = BACK_S,
        least: float = 2 * STILL_S,
    ) -> Outage:
        """Measure an `outage`, and assert that picture and poses are back in time.

        Args:
            fault: See `outage`.
            over: See `outage`.
            what: Name of the fault in the report.
            limit: Time limit after the end of the fault, in seconds on an idle host.
            least: See `outage`; scaled by the host's load.

        Raises:
            AssertionError: Picture or poses were not back in time.
        """
        outage = self.outage(fault, over, least=scaled_limit(least))
        name = f"{what}: " if what else ""
        self.chapter.measure(f"{name}without picture", outage.picture)
        self.chapter.measure(f"{name}without poses", outage.poses)
        limit = scaled_limit(limit)
        self.chapter.measure(
            f"{name}all back after the fault", outage.back, limit=f"at most {limit:.3g} s"
        )
        assert outage.back <= limit, outage
        return outage

    def _clock(self) -> float:
        """Return by how many seconds the machine's clock is ahead of the host's monotonic clock."""
        before = time.monotonic()
        now = self.now()
        return now - (before + time.monotonic()) / 2

    def _exposures(self, clocks: list[float]) -> list[float]:
        """Return exposure times of recent frames, in seconds of the host's monotonic clock.

        Args:
            clocks: Offsets from `_clock`; they differ if the machine's clock was set in between,
                and then the one that gives the most recent time is used for each line.
        """
        now = time.monotonic()
        recent = self.service.lines()[-600:]
        return [
            min((line["time"] - clock for clock in clocks), key=lambda moment: abs(moment - now))
            for line in recent
        ]
