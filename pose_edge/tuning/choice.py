"""Which model to take: the most accurate that holds the rate, by the times that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_SHARE: Final = 0.8
"""Part of the time from frame to frame that finding the poses may take: the rest is margin."""
MIN_FOLLOWED: Final = 0.9
"""Part of the frames to process that must have been processed while a model was measured."""
MAX_P95: Final = 2.0
"""The 95th percentile of a frame may take this many intervals: it then costs one frame in 20."""
CROWD: Final = 3
"""People whom a model for several must be able to look at in every frame."""
SEARCHES_PER_S: Final = 4.0
"""How often people are searched for while several are followed, see `two_stage`."""


@dataclass(frozen=True, slots=True)
class PassTiming:
    """What one model took for a frame of one person, in a run with all that goes on in it.

    Attributes:
        model: Name of the model.
        backend: What ran it: "cpu" or "edgetpu".
        median_ms: Median time of a frame in the inference thread, milliseconds.
        p95_ms: 95th percentile of it.
        mean_ms: Mean, which counts what interrupts it from time to time.
        followed: Part of the source's frames that were processed, 0...1.
    """

    model: str
    backend: str
    median_ms: float
    p95_ms: float
    mean_ms: float
    followed: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What a model is chosen for.

    Attributes:
        rate: Frames per second that are to be processed.
        source_rate: Frames per second of the source in which the models were measured.
        search_ms: What a search for people takes, where several are followed; else None.
    """

    rate: float
    source_rate: float
    search_ms: float | None = None

    @property
    def least_followed(self) -> float:
        """The part of the source's frames that must have been processed."""
        return MIN_FOLLOWED * min(1.0, self.rate / self.source_rate)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model that was chosen.

    Attributes:
        model: Its name.
        fps: Frames per second that it promises.
        held: Whether that is the source's rate.
        reason: Why, in one line.
    """

    model: str
    fps: float
    held: bool
    reason: str


def frame_ms(pass_ms: float, demand: Demand) -> float:
    """Return what a frame takes on average.

    Args:
        pass_ms: What a frame with one person takes, milliseconds.
        demand: Whether several people are followed, and what a search for them takes.
    """
    if demand.search_ms is None:
        return pass_ms
    return CROWD * pass_ms + demand.search_ms * min(1.0, SEARCHES_PER_S / demand.rate)


def slow_frame_ms(timing: PassTiming, demand: Demand) -> float:
    """Return what a frame takes in which one pass is slow, as one in 20 is."""
    return frame_ms(timing.median_ms, demand) + timing.p95_ms - timing.median_ms


def typical_ms(timing: PassTiming, demand: Demand) -> float:
    """Return what a frame takes, milliseconds.

    The mean counts where it is above the median: a process that is held up ten times a second (by a
    quota of the processor's time) has a good median and a bad rate.
    """
    return frame_ms(max(timing.median_ms, timing.mean_ms), demand)


def share(timing: PassTiming, demand: Demand) -> float:
    """Return the part of the time from frame to frame that a model takes; above 1: too slow."""
    return typical_ms(timing, demand) * demand.rate / 1000


def holds(timing: PassTiming, demand: Demand) -> bool:
    """Return whether a model holds the rate, with a margin."""
    return (
        timing.followed >= demand.least_followed
        and share(timing, demand) <= MAX_SHARE
        and slow_frame_ms(timing, demand) * demand.rate / 1000 <= MAX_P95
    )


def promised_fps(timing: PassTiming, demand: Demand) -> float:
    """Return the frames per second that a model can be expected to process."""
    processed = timing.followed * demand.source_rate
    return min(demand.rate, processed, demand.rate / max(1e-9, share(timing, demand)))


def choose(
    timings: Sequence[PassTiming], accuracy: dict[str, float], demand: Demand
) -> ModelChoice:
    """Choose the most accurate model that holds the rate, or the one that comes nearest to it.

    Args:
        timings: What was measured, at least one; the order has no influence.
        accuracy: Measured average precision of each of the models, 0...1.
        demand: What for.
    """
    best_first = sorted(timings, key=lambda one: (-accuracy[one.model], one.mean_ms, one.model))
    fitting = [one for one in best_first if holds(one, demand)]
    if not fitting:
        nearest = max(best_first, key=lambda one: (promised_fps(one, demand), -one.mean_ms))
        fps = promised_fps(nearest, demand)
        reason = (
            f"{nearest.model}: no model holds {demand.rate:.3g} fps with a margin here; "
            f"it comes nearest ({fps:.3g} fps)"
        )
        return ModelChoice(nearest.model, fps, False, reason)
    chosen = fitting[0]
    crowd = f" for {CROWD} people" if demand.search_ms is not None else ""
    reason = (
        f"{chosen.model}: the most accurate that holds {demand.rate:.3g} fps{crowd} with a margin "
        f"({_busy(chosen, demand)})"
    )
    if chosen is not best_first[0]:
        better = best_first[best_first.index(chosen) - 1]
        reason += f"; {better.model} does not ({_obstacle(better, demand)})"
    return ModelChoice(chosen.model, demand.rate, True, reason)


def ladder(
    timings: Sequence[PassTiming], accuracy: dict[str, float], demand: Demand, chosen: str
) -> list[PassTiming]:
    """Return the models that are worth a step, from the least to the most accurate.

    One that is slower than a more accurate one, as may be without a version for the Edge TPU, is
    left out, unless it is the chosen one. Arguments are as for `choose`.
    """

    def is_worth_it(one: PassTiming) -> bool:
        return one.model == chosen or all(
            typical_ms(other, demand) > typical_ms(one, demand)
            for other in timings
            if accuracy[other.model] > accuracy[one.model]
        )

    return sorted(filter(is_worth_it, timings), key=lambda one: accuracy[one.model])


def _busy(timing: PassTiming, demand: Demand) -> str:
    return f"{share(timing, demand):.0%} of the time, at most {MAX_SHARE:.0%}"


def _obstacle(timing: PassTiming, demand: Demand) -> str:
    """Return the first reason why a model does not hold a rate."""
    if timing.followed < demand.least_followed:
        return f"{timing.followed * demand.source_rate:.3g} fps"
    if share(timing, demand) > MAX_SHARE:
        return f"{share(timing, demand):.0%}"
    return f"95 % of the frames within {slow_frame_ms(timing, demand):.0f} ms only"
