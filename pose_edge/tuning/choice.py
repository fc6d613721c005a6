"""Choose the most accurate model that holds the frame rate, based on measured times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_SHARE: Final = 0.8
"""Largest share of the frame interval that pose estimation may take; the rest is margin."""
MIN_FOLLOWED: Final = 0.9
"""Smallest share of the wanted frames that must be processed for a model to keep up."""
MAX_P95: Final = 2.0
"""Largest 95th percentile of the time per frame, in frame intervals.

A frame that takes two intervals costs the next frame, so at most one frame in 20 is lost.
"""
CROWD: Final = 3
"""Number of people per frame that a model must keep up with where several people are followed."""
SEARCHES_PER_S: Final = 4.0
"""Searches for people per second while several are followed; see `estimators.two_stage`."""


@dataclass(frozen=True, slots=True)
class PassTiming:
    """Times of one model per frame with one person, measured in a complete run.

    Attributes:
        model: Name of the model.
        backend: Hardware that ran the model: "cpu" or "edgetpu".
        median_ms: Median time per frame in the inference thread, milliseconds.
        p95_ms: 95th percentile of the time per frame, milliseconds.
        mean_ms: Mean time per frame, milliseconds; unlike the median it includes interruptions.
        followed: Share of the source's frames that were processed, 0...1.
    """

    model: str
    backend: str
    median_ms: float
    p95_ms: float
    mean_ms: float
    followed: float


@dataclass(frozen=True, slots=True)
class Demand:
    """The requirements that a model is chosen for.

    Attributes:
        rate: Frames per second to process.
        source_rate: Frames per second of the source with which the models were measured.
        search_ms: Time of one search for people, milliseconds; None unless several are followed.
    """

    rate: float
    source_rate: float
    search_ms: float | None = None

    @property
    def least_followed(self) -> float:
        """Smallest share of the source's frames that must have been processed, 0...1."""
        return MIN_FOLLOWED * min(1.0, self.rate / self.source_rate)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model that was chosen.

    Attributes:
        model: Name of the model.
        fps: Frames per second that the model is expected to process.
        held: Whether the model holds the wanted rate with a margin.
        reason: Why this model was chosen, in one line.
    """

    model: str
    fps: float
    held: bool
    reason: str


def frame_ms(pass_ms: float, demand: Demand) -> float:
    """Return the time per frame, milliseconds, including searches for people if any.

    Args:
        pass_ms: Time of a frame with one person, milliseconds.
        demand: The requirements; where several people are followed, the result is for `CROWD`
            people and includes the searches, averaged over the frames.
    """
    if demand.search_ms is None:
        return pass_ms
    return CROWD * pass_ms + demand.search_ms * min(1.0, SEARCHES_PER_S / demand.rate)


def slow_frame_ms(timing: PassTiming, demand: Demand) -> float:
    """Return the time of a frame with one slow pass (95th percentile), milliseconds."""
    return frame_ms(timing.median_ms, demand) + timing.p95_ms - timing.median_ms


def typical_ms(timing: PassTiming, demand: Demand) -> float:
    """Return the typical time per frame, milliseconds.

    This uses the larger of mean and median. A process that a CPU quota suspends ten times a second
    has a good median but a low frame rate; only the mean shows that.
    """
    return frame_ms(max(timing.median_ms, timing.mean_ms), demand)


def share(timing: PassTiming, demand: Demand) -> float:
    """Return the share of the frame interval that a model takes; above 1, it is too slow."""
    return typical_ms(timing, demand) * demand.rate / 1000


def holds(timing: PassTiming, demand: Demand) -> bool:
    """Return whether a model holds the wanted rate with a margin."""
    return (
        timing.followed >= demand.least_followed
        and share(timing, demand) <= MAX_SHARE
        and slow_frame_ms(timing, demand) * demand.rate / 1000 <= MAX_P95
    )


def promised_fps(timing: PassTiming, demand: Demand) -> float:
    """Return the frames per second that a model is expected to process."""
    processed = timing.followed * demand.source_rate
    return min(demand.rate, processed, demand.rate / max(1e-9, share(timing, demand)))


def choose(
    timings: Sequence[PassTiming], accuracy: dict[str, float], demand: Demand
) -> ModelChoice:
    """Choose the most accurate model that holds the rate, or else the one nearest to it.

    Args:
        timings: Measured times of the candidates, at least one, in any order.
        accuracy: Measured average precision of each candidate, 0...1, by name.
        demand: The requirements that the model is chosen for.
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
    """Return the models between which a run may step, from the least to the most accurate.

    A model that is not faster than every more accurate one is left out, unless it is the chosen
    one. This happens, for example, to a model without a version for the Edge TPU.

    Args:
        timings: See `choose`.
        accuracy: See `choose`.
        demand: See `choose`.
        chosen: Name of the chosen model.
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
    """Return the first reason why a model does not hold the wanted rate."""
    if timing.followed < demand.least_followed:
        return f"{timing.followed * demand.source_rate:.3g} fps"
    if share(timing, demand) > MAX_SHARE:
        return f"{share(timing, demand):.0%}"
    return f"95 % of the frames within {slow_frame_ms(timing, demand):.0f} ms only"
