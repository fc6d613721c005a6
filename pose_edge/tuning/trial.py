"""Measuring one candidate in a run that goes on."""

from __future__ import annotations

from typing import Final

from pose_edge.tuning.choice import PassTiming
from pose_edge.tuning.pass_meter import PassMeter

WARM_UP_S: Final = 0.3
"""The first frames of a model do not count: memory is touched for the first time."""
MEASURE_S: Final = 1.0
"""How long it is measured."""
MIN_FRAMES: Final = 10
"""So many frames at least, where the rate allows it."""
MAX_MEASURE_S: Final = 4.0
"""How long it is measured at most."""
MIN_SLOW_FRAMES: Final = 3
"""With fewer frames in that time, the model is not usable here."""
ANSWER_S: Final = 60.0
"""How long it may take to load a model: a Zero 2 W with a slow card takes its time."""
EDGETPU_S: Final = 15.0
"""How long a model is given to come to the Edge TPU, where the one before ran on it."""


class CandidateTrial:
    """The measuring of one model, from the order to load it to its times.

    Attributes:
        model: Name of the model.
        timing: What was measured; None as long as it is not done, and where nothing could be.
    """

    def __init__(self, model: str, now_s: float, *, backend: str = "cpu") -> None:
        """Begin.

        Args:
            model: Name of the model.
            now_s: The time when it was ordered, monotonic seconds.
            backend: What is expected to run it.
        """
        self.model = model
        self.timing: PassTiming | None = None
        self._backend = backend
        self._ordered_s = now_s
        self._first_s: float | None = None
        self._begin_s: float | None = None

    def look(self, meter: PassMeter, now_s: float) -> bool:
        """Look at the newest frames, and return whether the trial is done.

        Args:
            meter: The frames of the run.
            now_s: The time, monotonic seconds.
        """
        if self._begin_s is None:
            self._find_begin(meter, now_s)
            return self._begin_s is None and now_s - self._ordered_s > ANSWER_S
        passes = meter.since(self._begin_s, self.model)
        lasted_s = now_s - self._begin_s
        enough = lasted_s >= MEASURE_S and len(passes.frames) >= MIN_FRAMES
        if not enough and lasted_s < MAX_MEASURE_S:
            return False
        if len(passes.frames) >= MIN_SLOW_FRAMES:
            self.timing = passes.timing()
        return True

    def _find_begin(self, meter: PassMeter, now_s: float) -> None:
        """Begin to measure a little after the first answer of the backend that is expected."""
        frames = meter.since(self._ordered_s, self.model).frames
        if not frames:
            return
        if self._first_s is None:
            self._first_s = frames[0].done_s
        expected = frames[-1].provenance.backend == self._backend
        waited_s = now_s - self._first_s
        if waited_s >= WARM_UP_S and (expected or waited_s >= EDGETPU_S):
            self._begin_s = now_s
