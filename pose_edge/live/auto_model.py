"""`model.name: auto` in a run: measure the candidates once, settle, and step under pressure.

Only the main thread uses it; what takes time, loading a model, it has done by the reload thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pose_edge.config.schema import Settings
from pose_edge.pipeline.loading import FINDER
from pose_edge.telemetry import SOURCE, Event, Telemetry
from pose_edge.tuning.choice import (
    MAX_SHARE,
    MIN_FOLLOWED,
    Demand,
    ModelChoice,
    PassTiming,
    choose,
    ladder,
    typical_ms,
)
from pose_edge.tuning.governor import PRESSURE_S, Governor, Strain
from pose_edge.tuning.kept import Kept, present_conditions, read_kept, write_kept
from pose_edge.tuning.pass_meter import PassMeter
from pose_edge.tuning.trial import CandidateTrial
from pose_edge.zoo.candidates import candidates, most_accurate
from pose_edge.zoo.registry import AUTO, LIGHTEST, Zoo

log = logging.getLogger(__name__)

LOOK_S: Final = 0.1
"""Time between two looks at what was measured."""
START_S: Final = 2.0
"""A run that has just begun is busy with that: nothing is measured yet."""
OBSERVE_S: Final = 1.0
"""Time between two observations of how the run goes."""
WINDOW_S: Final = 5.0
"""The time over which the run is observed."""
MODEL: Final = "model"
"""Name under which the read-out says that a faster model answers than was chosen."""


class Feed(NamedTuple):
    """What the source is like now.

    Attributes:
        rate: Frames per second that it promises, None where unknown.
        paced: Whether a rate is to be held: not for pictures, nor a file as fast as possible.
    """

    rate: float | None
    paced: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was measured, and what was chosen by it.

    Attributes:
        choice: The model.
        timings: What was measured, in the order of the accuracy.
        accuracy: Measured average precision of each candidate.
        demand: What it was chosen for.
    """

    choice: ModelChoice
    timings: tuple[PassTiming, ...]
    accuracy: dict[str, float]
    demand: Demand


@dataclass(frozen=True, slots=True)
class TuneOrder:
    """What `pose-edge tune` wants of a run.

    Attributes:
        done: Called with the result, once.
        target_fps: The rate to hold; None for that of the source.
    """

    done: Callable[[Tuned], None]
    target_fps: float | None = None


Order = Callable[[str, str, Callable[[], None]], None]
"""Orders a model for one or several people, and has a function called where it cannot be had."""


def first_model(settings: Settings, folder: Path, tune: TuneOrder | None = None) -> str:
    """Return the model that a run begins with: the one kept for this machine, or the lightest.

    Args:
        settings: The settings.
        folder: The state folder.
        tune: Given where everything is measured anew.
    """
    if settings.model.name != AUTO:
        return settings.model.name
    zoo = Zoo()
    kept = None if tune else read_kept(folder, present_conditions(settings, zoo))
    return kept.model if kept is not None else LIGHTEST


class AutoModel:
    """Chooses the model of a run for as long as the settings say `auto`."""

    def __init__(
        self,
        meter: PassMeter,
        telemetry: Telemetry,
        order: Order,
        folder: Path,
        *,
        tune: TuneOrder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait for the first frames.

        Args:
            meter: The frames of the run.
            telemetry: Gets what the read-out says, and tells whether the source is there.
            order: Has another model loaded and used.
            folder: The state folder.
            tune: See `TuneOrder`.
            clock: The monotonic clock, seconds.
        """
        self._meter = meter
        self._telemetry = telemetry
        self._order = order
        self._folder = folder
        self._tune = tune
        self._clock = clock
        self._looked_s = -LOOK_S
        self._asked: tuple[object, ...] = ()
        self._phase: Callable[[Settings, Feed, float], None] = self._wait
        self._failed: set[str] = set()
        self._trials: list[str] = []

    @property
    def measuring(self) -> bool:
        """Whether candidates are being measured, for which every frame is to be looked at."""
        return bool(self._trials)

    def look(self, settings: Settings, feed: Feed) -> None:
        """Look at how the run goes, and order another model where that is due; return at once.

        Args:
            settings: The settings in force.
            feed: The source.
        """
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        asked = (settings.model, settings.edgetpu, settings.source, settings.camera)
        if asked != self._asked:
            self._asked = asked
            self._begin(settings, now_s)
        if settings.model.name == AUTO:
            self._phase(settings, feed, now_s)

    def _begin(self, settings: Settings, now_s: float) -> None:
        self._telemetry.set_fault(MODEL, None)
        self._since_s = now_s
        self._failed = set()
        self._trials = []
        self._timings: list[PassTiming] = []
        self._phase = self._wait
        if settings.model.name == AUTO:
            self._zoo = Zoo()
            self._conditions = present_conditions(settings, self._zoo)
            self._accuracy = candidates(self._zoo, settings.model.people)

    def _wait(self, settings: Settings, feed: Feed, now_s: float) -> None:
        """Wait for the first frames; then take what was kept, or measure."""
        if SOURCE in self._telemetry.faults():
            self._since_s = now_s
        passes = self._meter.since(self._since_s)
        frames = passes.frames
        if not frames:
            return
        if not feed.paced:
            self._use(most_accurate(self._zoo), settings)
            self._phase = self._rest
            return
        if now_s - frames[0].done_s < START_S:
            return
        self._rate = feed.rate or max(1.0, passes.offered_fps)
        self._size = frames[-1].size
        kept = None if self._tune else read_kept(self._folder, self._conditions)
        known = kept is not None and {one.model for one in kept.timings} <= self._accuracy.keys()
        if kept is not None and known and kept.fits(self._rate, *self._size):
            self._settle(settings, kept.timings, kept.search_ms, now_s)
            return
        several = settings.model.people == "several"
        self._trials = [*([FINDER] if several else []), *self._accuracy]
        self._backend = frames[-1].provenance.backend
        log.info("auto: measuring %s", ", ".join(self._trials))
        self._next_trial(now_s)
        self._phase = self._measure

    def _next_trial(self, now_s: float) -> None:
        model = self._trials[0]
        self._trial = CandidateTrial(
            model, now_s, backend="cpu" if model == FINDER else self._backend
        )
        self._order(model, "one", lambda: self._failed.add(model))

    def _measure(self, settings: Settings, feed: Feed, now_s: float) -> None:
        """Measure one candidate after the other."""
        if SOURCE in self._telemetry.faults():
            self._begin(settings, now_s)  # when it is back
            return
        trial = self._trial
        if not (trial.look(self._meter, now_s) or trial.model in self._failed):
            return
        if trial.timing is not None:
            self._timings.append(trial.timing)
        del self._trials[0]
        if self._trials:
            self._next_trial(now_s)
            return
        found = {one.model: one for one in self._timings}
        finder = found.pop(FINDER, None)
        if not found:
            log.warning("auto: nothing could be measured; %s goes on", LIGHTEST)
            self._use(LIGHTEST, settings)
            self._phase = self._rest
            return
        timings = tuple(found.values())
        self._rate = feed.rate or max(1.0, self._meter.since(self._since_s).offered_fps)
        search_ms = finder.median_ms if finder else None
        choice = self._settle(settings, timings, search_ms, now_s)
        if not (self._tune and self._tune.target_fps):
            write_kept(
                self._folder,
                Kept(
                    conditions=self._conditions,
                    rate=self._rate,
                    width=self._size[0],
                    height=self._size[1],
                    model=choice.model,
                    timings=timings,
                    search_ms=search_ms,
                ),
            )

    def _settle(
        self,
        settings: Settings,
        timings: tuple[PassTiming, ...],
        search_ms: float | None,
        now_s: float,
    ) -> ModelChoice:
        """Use the model that the measured times speak for."""
        wanted = self._tune.target_fps if self._tune is not None else None
        demand = Demand(wanted or self._rate, self._rate, search_ms)
        choice = choose(timings, self._accuracy, demand)
        log.info("auto: %s", choice.reason)
        self._ladder = ladder(timings, self._accuracy, demand, choice.model)
        self._demand = demand
        self._chosen = [one.model for one in self._ladder].index(choice.model)
        self._governor = Governor(len(self._ladder), self._chosen, now_s)
        self._observed_s = self._stepped_s = now_s
        self._phase = self._rest if self._tune else self._govern
        if self._tune is not None:
            self._tune.done(Tuned(choice, timings, self._accuracy, demand))
        else:
            self._use(choice.model, settings)
        return choice

    def _rest(self, _settings: Settings, _feed: Feed, _now_s: float) -> None:
        """Do nothing: there is no rate to hold, or nothing to choose from."""

    def _govern(self, settings: Settings, _feed: Feed, now_s: float) -> None:
        """Step down where inference cannot follow, and up where there is room."""
        if now_s - self._observed_s < OBSERVE_S:
            return
        self._observed_s = now_s
        before = self._governor.level
        level = self._governor.observe(self._strain(now_s), now_s)
        if level is None:
            return
        self._stepped_s = now_s
        model, other = self._ladder[level].model, self._ladder[before].model
        if level < before:
            log.warning(
                "auto: inference has not followed for %g s; %s in place of %s",
                PRESSURE_S,
                model,
                other,
            )
        else:
            log.info("auto: there is room again; %s in place of %s", model, other)
        chosen = self._ladder[self._chosen].model
        slower = f"{chosen} is too slow at the moment; {model} answers"
        self._telemetry.set_fault(MODEL, slower if level < self._chosen else None)
        self._use(model, settings)

    def _strain(self, now_s: float) -> Strain | None:
        """Return how the run goes; None where too little is known."""
        level = self._governor.level
        model = self._ladder[level].model
        if now_s - self._stepped_s < WINDOW_S:
            return None
        passes = self._meter.since(now_s - WINDOW_S)
        if any(one.provenance.model != model for one in passes.frames):
            return None  # not loaded yet
        if len(passes.frames) < 2:
            captured = self._telemetry.rate(Event.CAPTURED)
            return Strain(followed=False, room=False) if captured >= 1.0 else None
        followed = min(passes.followed, passes.complete) >= MIN_FOLLOWED
        return Strain(followed, room=self._has_room(passes.mean_ms))

    def _has_room(self, mean_ms: float) -> bool:
        """Return whether the next more accurate model would hold the rate, by what was measured."""
        level = self._governor.level
        if level + 1 >= len(self._ladder):
            return False
        now, more = (typical_ms(self._ladder[one], self._demand) for one in (level, level + 1))
        return mean_ms * more / now * self._rate / 1000 <= MAX_SHARE

    def _use(self, model: str, settings: Settings) -> None:
        self._order(model, settings.model.people, self._keep_present)

    def _keep_present(self) -> None:
        """Go on with the model that answers, because the one that was ordered cannot be had."""
        self._telemetry.set_fault(MODEL, None)
        self._phase = self._rest
