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
class Requirements:
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


def frame_ms(pass_ms: float, requirements: Requirements) -> float:
    """Return the time per frame, milliseconds, including searches for people if any.

    Args:
        pass_ms: Time of a frame with one person, milliseconds.
        requirements: If several people are followed, the result is for `CROWD` people and includes
            the searches, averaged over the frames.
    """
    if requirements.search_ms is None:
        return pass_ms
    return CROWD * pass_ms + requirements.search_ms * min(1.0, SEARCHES_PER_S / requirements.rate)


def slow_frame_ms(timing: PassTiming, requirements: Requirements) -> float:
    """Return the time of a frame with one slow pass (95th percentile), milliseconds."""
    return frame_ms(timing.median_ms, requirements) + timing.p95_ms - timing.median_ms


def typical_ms(timing: PassTiming, requirements: Requirements) -> float:
    """Return the typical time per frame, milliseconds.

    This uses the larger of mean and median. A process that a CPU quota suspends ten times a second
    has a good median but a low frame rate; only the mean shows that.
    """
    return frame_ms(max(timing.median_ms, timing.mean_ms), requirements)


def busy_share(timing: PassTiming, requirements: Requirements) -> float:
    """Return the share of the frame interval that a model takes; above 1, it is too slow."""
    return typical_ms(timing, requirements) * requirements.rate / 1000


def holds(timing: PassTiming, requirements: Requirements) -> bool:
    """Return whether a model holds the wanted rate with a margin."""
    return (
        timing.followed >= requirements.least_followed
        and busy_share(timing, requirements) <= MAX_SHARE
        and slow_frame_ms(timing, requirements) * requirements.rate / 1000 <= MAX_P95
    )


def promised_fps(timing: PassTiming, requirements: Requirements) -> float:
    """Return the frames per second that a model is expected to process."""
    processed = timing.followed * requirements.source_rate
    return min(
        requirements.rate,
        processed,
        requirements.rate / max(1e-9, busy_share(timing, requirements)),
    )


def choose(
    timings: Sequence[PassTiming], accuracy: dict[str, float], requirements: Requirements
) -> ModelChoice:
    """Choose the most accurate model that holds the rate, or else the one nearest to it.

    Args:
        timings: Measured times of the candidates, at least one, in any order.
        accuracy: Measured average precision of each candidate, 0...1, by name.
        requirements: What the model is chosen for.
    """
    best_first = sorted(timings, key=lambda one: (-accuracy[one.model], one.mean_ms, one.model))
    fitting = [one for one in best_first if holds(one, requirements)]
    if not fitting:
        nearest = max(best_first, key=lambda one: (promised_fps(one, requirements), -one.mean_ms))
        fps = promised_fps(nearest, requirements)
        reason = (
            f"{nearest.model}: no model holds {requirements.rate:.3g} fps with a margin here; "
            f"it comes nearest ({fps:.3g} fps)"
        )
        return ModelChoice(nearest.model, fps, False, reason)
    chosen = fitting[0]
    crowd = f" for {CROWD} people" if requirements.search_ms is not None else ""
    reason = (
        f"{chosen.model}: the most accurate that holds {requirements.rate:.3g} fps{crowd} with a "
        f"margin ({_busy(chosen, requirements)})"
    )
    if chosen is not best_first[0]:
        better = best_first[best_first.index(chosen) - 1]
        reason += f"; {better.model} does not ({_obstacle(better, requirements)})"
    return ModelChoice(chosen.model, requirements.rate, True, reason)


def worthwhile_models(
    timings: Sequence[PassTiming],
    accuracy: dict[str, float],
    requirements: Requirements,
    chosen: str,
) -> list[PassTiming]:
    """Return the models between which a run may step, from the least to the most accurate.

    A model that is not faster than every more accurate one is left out, unless it is the chosen
    one. This happens, for example, to a model without a version for the Edge TPU.

    Args:
        timings: See `choose`.
        accuracy: See `choose`.
        requirements: See `choose`.
        chosen: Name of the chosen model.
    """

    def is_worth_it(one: PassTiming) -> bool:
        return one.model == chosen or all(
            typical_ms(other, requirements) > typical_ms(one, requirements)
            for other in timings
            if accuracy[other.model] > accuracy[one.model]
        )

    return sorted(filter(is_worth_it, timings), key=lambda one: accuracy[one.model])


def _busy(timing: PassTiming, requirements: Requirements) -> str:
    return f"{busy_share(timing, requirements):.0%} of the time, at most {MAX_SHARE:.0%}"


def _obstacle(timing: PassTiming, requirements: Requirements) -> str:
    """Return the first reason why a model does not hold the wanted rate."""
    if timing.followed < requirements.least_followed:
        return f"{timing.followed * requirements.source_rate:.3g} fps"
    if busy_share(timing, requirements) > MAX_SHARE:
        return f"{busy_share(timing, requirements):.0%}"
    return f"95 % of the frames within {slow_frame_ms(timing, requirements):.0f} ms only"
