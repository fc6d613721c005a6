"""`model.name: auto` in a run: measure the candidates once, choose one, then adapt to the load.

Only the main thread uses this module. Models are loaded by the reload thread, because that is slow.
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
    ModelChoice,
    PassTiming,
    Requirements,
    choose,
    typical_ms,
    worthwhile_models,
)
from pose_edge.tuning.governor import PRESSURE_S, Governor, InferenceLoad
from pose_edge.tuning.kept import StoredMeasurements, present_conditions, read_kept, write_kept
from pose_edge.tuning.pass_meter import PassMeter
from pose_edge.tuning.trial import CandidateTrial
from pose_edge.zoo.candidates import candidates, most_accurate
from pose_edge.zoo.registry import AUTO, LIGHTEST, Zoo

log = logging.getLogger(__name__)

CHECK_INTERVAL_S: Final = 0.1
"""Shortest time between two checks of the measurements, seconds."""
START_S: Final = 2.0
"""Time from the first frame to the first measurement, seconds: starting still loads the machine."""
OBSERVE_S: Final = 1.0
"""Interval at which the governor observes the load, seconds."""
WINDOW_S: Final = 5.0
"""Length of the time window that one observation covers, seconds."""
MODEL: Final = "model"
"""Name of the fault that tells the user that a faster model has replaced the chosen one."""


class Feed(NamedTuple):
    """What the source delivers at the moment.

    Attributes:
        rate: Nominal frames per second, None where unknown.
        paced: Whether inference must keep up with a frame rate. False for pictures, and for a file
            that is read as fast as possible.
    """

    rate: float | None
    paced: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """The measurements, and the model that was chosen by them.

    Attributes:
        choice: The chosen model.
        timings: The measured times, from the least to the most accurate model.
        accuracy: Average precision (AP) of each candidate on COCO, 0...1.
        requirements: The frame rate, and the cost of a search, that the model was chosen for.
    """

    choice: ModelChoice
    timings: tuple[PassTiming, ...]
    accuracy: dict[str, float]
    requirements: Requirements


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """What `pose-edge tune` requests of a run.

    Attributes:
        done: Called once, with the result.
        target_fps: The frame rate to keep up with; None for that of the source.
    """

    done: Callable[[Tuned], None]
    target_fps: float | None = None


Order = Callable[[str, str, Callable[[], None]], None]
"""Requests a model: its name, "one" or "several" people, and what to call if loading it fails."""


def first_model(settings: Settings, folder: Path, tune: TuneRequest | None = None) -> str:
    """Return the name of the model that a run starts with.

    For `auto`, it is the model that an earlier run has chosen, or else the lightest.

    Args:
        settings: The settings.
        folder: The state folder, which holds the earlier choice.
        tune: If given, the earlier choice is ignored, because everything is measured again.
    """
    if settings.model.name != AUTO:
        return settings.model.name
    zoo = Zoo()
    kept = None if tune else read_kept(folder, present_conditions(settings, zoo))
    return kept.model if kept is not None else LIGHTEST


class AutoModel:
    """Chooses the model of a run while the settings say `auto`."""

    def __init__(
        self,
        meter: PassMeter,
        telemetry: Telemetry,
        order: Order,
        folder: Path,
        *,
        tune: TuneRequest | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the chooser; it measures nothing before the first frames.

        Args:
            meter: Timings of the run's newest frames.
            telemetry: Gets the fault for the read-out; tells whether the source is available.
            order: Has another model loaded and used.
            folder: The state folder, where the measurements are saved.
            tune: See `TuneRequest`.
            clock: The monotonic clock, seconds.
        """
        self._meter = meter
        self._telemetry = telemetry
        self._order = order
        self._folder = folder
        self._tune = tune
        self._clock = clock
        self._looked_s = -CHECK_INTERVAL_S
        self._asked: tuple[object, ...] = ()
        self._phase: Callable[[Settings, Feed, float], None] = self._wait
        self._failed: set[str] = set()
        self._trials: list[str] = []

    @property
    def measuring(self) -> bool:
        """Whether candidates are being measured, so that no frame may be passed over."""
        return bool(self._trials)

    def look(self, settings: Settings, feed: Feed) -> None:
        """Check how the run goes, and order another model if that is due; return at once.

        Args:
            settings: The settings in force.
            feed: What the source delivers.
        """
        now_s = self._clock()
        if now_s - self._looked_s < CHECK_INTERVAL_S:
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
        """Wait for the first frames; then use saved measurements, or start to measure."""
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
        """Measure the candidates one after the other."""
        if SOURCE in self._telemetry.faults():
            self._begin(settings, now_s)  # starts over once the source is back
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
                StoredMeasurements(
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
        """Choose the model that suits the measured times; use it, or report it to `tune`."""
        wanted = self._tune.target_fps if self._tune is not None else None
        requirements = Requirements(wanted or self._rate, self._rate, search_ms)
        choice = choose(timings, self._accuracy, requirements)
        log.info("auto: %s", choice.reason)
        self._ladder = worthwhile_models(timings, self._accuracy, requirements, choice.model)
        self._requirements = requirements
        self._chosen = [one.model for one in self._ladder].index(choice.model)
        self._governor = Governor(len(self._ladder), self._chosen, now_s)
        self._observed_s = self._stepped_s = now_s
        self._phase = self._rest if self._tune else self._govern
        if self._tune is not None:
            self._tune.done(Tuned(choice, timings, self._accuracy, requirements))
        else:
            self._use(choice.model, settings)
        return choice

    def _rest(self, _settings: Settings, _feed: Feed, _now_s: float) -> None:
        """Do nothing: the model is final, e.g. because there is no frame rate to keep up with."""

    def _govern(self, settings: Settings, _feed: Feed, now_s: float) -> None:
        """Use a faster model if inference cannot keep up, a more accurate one if it easily can."""
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

    def _strain(self, now_s: float) -> InferenceLoad | None:
        """Return how the run goes; None while too little is known."""
        level = self._governor.level
        model = self._ladder[level].model
        if now_s - self._stepped_s < WINDOW_S:
            return None
        passes = self._meter.since(now_s - WINDOW_S)
        if any(one.provenance.model != model for one in passes.frames):
            return None  # the ordered model is not in use yet
        if len(passes.frames) < 2:
            captured = self._telemetry.rate(Event.CAPTURED)
            return InferenceLoad(followed=False, room=False) if captured >= 1.0 else None
        followed = min(passes.followed, passes.complete) >= MIN_FOLLOWED
        return InferenceLoad(followed, room=self._has_room(passes.mean_ms))

    def _has_room(self, mean_ms: float) -> bool:
        """Return whether the next more accurate model should keep up, by the measured times."""
        level = self._governor.level
        if level + 1 >= len(self._ladder):
            return False
        now, more = (
            typical_ms(self._ladder[one], self._requirements) for one in (level, level + 1)
        )
        return mean_ms * more / now * self._rate / 1000 <= MAX_SHARE

    def _use(self, model: str, settings: Settings) -> None:
        self._order(model, settings.model.people, self._keep_present)

    def _keep_present(self) -> None:
        """Keep the model in use, because the one that was ordered cannot be loaded."""
        self._telemetry.set_fault(MODEL, None)
        self._phase = self._rest
