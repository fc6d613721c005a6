"""Measure one candidate model during a run."""

from __future__ import annotations

from typing import Final

from pose_edge.tuning.choice import PassTiming
from pose_edge.tuning.pass_meter import PassMeter

WARM_UP_S: Final = 0.3
"""Warm-up after a model's first result, seconds: its memory is touched for the first time."""
MEASURE_S: Final = 1.0
"""Shortest measurement, seconds."""
MIN_FRAMES: Final = 10
"""Number of frames that a measurement waits for, up to `MAX_MEASURE_S`."""
MAX_MEASURE_S: Final = 4.0
"""Longest measurement, seconds."""
MIN_SLOW_FRAMES: Final = 3
"""Minimum number of frames within `MAX_MEASURE_S`; with fewer, the model is unusable here."""
ANSWER_S: Final = 60.0
"""Longest time to load a model, seconds; generous for a Pi Zero 2 W with a slow SD card."""
EDGETPU_S: Final = 15.0
"""Seconds after a model's first result by which it should run on the expected backend.

Where the previous model ran on the Edge TPU, the next may first answer on the CPU.
"""


class CandidateTrial:
    """The measurement of one model, from the request to load it to its times.

    Attributes:
        model: Name of the model.
        timing: The measured times; None until the trial is done, or if it produced none.
    """

    def __init__(self, model: str, now_s: float, *, backend: str = "cpu") -> None:
        """Create the trial of a model that was just requested.

        Args:
            model: Name of the model.
            now_s: Time of the request, monotonic seconds.
            backend: Hardware that is expected to run the model: "cpu" or "edgetpu".
        """
        self.model = model
        self.timing: PassTiming | None = None
        self._backend = backend
        self._ordered_s = now_s
        self._first_s: float | None = None
        self._begin_s: float | None = None

    def look(self, meter: PassMeter, now_s: float) -> bool:
        """Evaluate the newest frames and return whether the trial is done.

        Args:
            meter: The processed frames of the run.
            now_s: The current time, monotonic seconds.
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
        """Start measuring after the warm-up, once the expected backend answers."""
        frames = meter.since(self._ordered_s, self.model).frames
        if not frames:
            return
        if self._first_s is None:
            self._first_s = frames[0].done_s
        expected = frames[-1].provenance.backend == self._backend
        waited_s = now_s - self._first_s
        if waited_s >= WARM_UP_S and (expected or waited_s >= EDGETPU_S):
            self._begin_s = now_s
