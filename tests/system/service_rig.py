"""What a test of the service works with: machine, plugs, service, and how long things were away."""

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
"""Frames per second of the camera: enough to see that it moves, little enough for an emulated
processor to have time left for what the tests are about."""
BACK_S: Final = 30.0
"""After a fault is over, picture and poses must be back within this time; see `scaled_limit`."""
SETTLED_S: Final = 3.0
"""So long all must be well before a fault counts as survived."""
GIVE_UP_S: Final = 90.0
"""How long a test looks on: a failure shall say how late it was."""
READY_S: Final = 120.0


@dataclass
class ServiceRig(Bench):
    """The machine with the service; moments are seconds of the machine's clock, unless said."""

    service: Service
    reference: ReferenceVideo

    def restore(self, settings: Settings | None = None) -> None:
        """Bring everything into the state that a test begins with: camera, screen, picture, poses.

        Args:
            settings: What is to be configured otherwise than `service.BASE` says.
        """
        if not self.camera.plugged:
            self.plug_camera(rate=RATE)
        self.camera.freeze(frozen=False)
        self.screen.plug(connected=True)
        self.service.configure(settings)
        self.service.restart()
        self.wait_until_healthy()

    def wait_until_healthy(self, limit: float = READY_S) -> None:
        """Wait for a live picture and poses of now.

        Raises:
            AssertionError: They do not come.
        """
        wait_for(self.poses_are_fresh, "poses", limit)
        wait_for(self.screen.shows_video, "the video on the screen", limit)

    def poses_are_fresh(self) -> bool:
        """Return whether the newest poses are of a frame of the last moments."""
        lines = self.service.lines()
        return bool(lines) and abs(self.now() - lines[-1]["time"]) < scaled_limit(2 * GAP_S)

    def next_line(self, since: float, limit: float = WAIT_S) -> Line:
        """Wait for the first line of poses whose frame was exposed after a moment.

        Raises:
            AssertionError: There is none for a long time.
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
        """Return which part of the skeleton is on the screen where the poses say; 0...1."""
        return skeleton_found(self.screen.dump(), self.service.lines()[-1])

    def outage(
        self,
        fault: Callable[[], object],
        over: Callable[[], object] | None = None,
        *,
        least: float = 2 * STILL_S,
    ) -> Outage:
        """Let something happen, and tell for how long picture and poses were away.

        Args:
            fault: Makes it happen; when it returns without `over`, the fault is over.
            over: Ends it.
            least: Seconds of this host to look on at least, for what shows its effect late.

        Raises:
            AssertionError: They are not back for a long time.
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
                # Both must have been there for a while: what ends now has not ended.
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
        """The same, and assert that they are back in time.

        Args:
            fault: See `outage`.
            over: See `outage`.
            what: For the report.
            limit: Seconds after the fault is over, on a host that is not busy.
            least: See `outage`.
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
        """Return what the machine's clock is ahead of this host's monotonic one."""
        before = time.monotonic()
        now = self.now()
        return now - (before + time.monotonic()) / 2

    def _exposures(self, clocks: list[float]) -> list[float]:
        """Return when frames were exposed, by this host's monotonic clock.

        Args:
            clocks: What the machine's clock was ahead: several, if it was set in between.
        """
        now = time.monotonic()
        recent = self.service.lines()[-600:]
        return [
            min((line["time"] - clock for clock in clocks), key=lambda moment: abs(moment - now))
            for line in recent
        ]
