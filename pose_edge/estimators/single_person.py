"""Finds one person and follows them with a crop of the frame."""

from __future__ import annotations

from typing import Final

from pose_edge.estimators.crop import (
    Crop,
    settled_crop,
    square_around,
    whole_frame,
)
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.sighting import Sighting
from pose_edge.estimators.thorough import run_thoroughly
from pose_edge.frames import Frame
from pose_edge.poses import Box, Estimate, Pose, Provenance
from pose_edge.telemetry import Stopwatch

CANDIDATE_SCORE: Final = 0.15
"""A small person has low scores in the whole frame; keypoints above this are worth a refinement
pass."""
SEARCH_INTERVAL_S: Final = 2.0
"""A crop that follows one person never shows another one who enters, so the whole frame is searched
as well, at this interval of the frames' own time."""
MEMORY_S: Final = 1.0
"""Somebody who was there so short a time ago is not a newcomer (the frames' own time)."""
SWITCH_MARGIN: Final = 0.15
"""Another person is followed instead when their score is higher by this: the followed one may be a
coat on a chair, but the estimator must not alternate between two people."""


class SinglePersonEstimator:
    """Finds one person with a model that always returns one.

    While a person is followed, one inference pass a frame is enough, on the crop that the last
    frame suggests. Where that has no person, the whole frame is searched. A person may be small in
    it, so a refinement pass follows, on a crop around what was found. From time to time the whole
    frame is searched as well.
    """

    def __init__(
        self,
        model: KeypointModel,
        *,
        min_keypoint_score: float,
        min_pose_score: float,
        second_look: bool = True,
        min_keypoints: int = 0,
        thorough: bool = False,
    ) -> None:
        """Use a loaded model.

        Args:
            model: The model.
            min_keypoint_score: Keypoints at or below this score count neither for the crop nor for
                the pose's score and box.
            min_pose_score: Score below which there is no person.
            second_look: Whether to make refinement passes and to search the whole frame.
            min_keypoints: With fewer keypoints that count there is no person.
            thorough: Whether to make more passes on a person who was found, see `run_thoroughly`.
        """
        self.runtime = model.runtime
        self._model = model
        self._min_keypoint_score = min_keypoint_score
        self._min_pose_score = min_pose_score
        self._second_look = second_look
        self._min_keypoints = min_keypoints
        self._thorough = thorough
        self._crop: Crop | None = None
        self._frame_size = (0, 0)
        self._searched_at = 0.0
        self._last: Box | None = None
        self._last_at = 0.0

    @property
    def provenance(self) -> Provenance:
        """See `Estimator.provenance`."""
        return self.runtime.provenance

    def close(self) -> None:
        """Close the runtime; see `Estimator.close`."""
        self.runtime.close()

    def reset(self) -> None:
        """Search the whole of the next frame."""
        self._crop = self._last = None

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the person in a frame; see `Estimator.estimate`."""
        stopwatch = stopwatch or Stopwatch()
        size = (frame.width, frame.height)
        if self._frame_size != size:
            self._frame_size, self._crop, self._last = size, None, None
        whole = self._model.fit(whole_frame(*size))

        crop, confirmed = self._crop or whole, True
        seen = self._run(frame, crop, stopwatch)
        if self._second_look:
            if crop != whole and not self._is_person(seen, frame.time):
                crop, seen = whole, self._run(frame, whole, stopwatch)
                confirmed = False
            if crop == whole:
                closer = self._next_crop(seen, CANDIDATE_SCORE)
                # Whoever is larger is seen closer in the next frame.
                if closer.size < self._model.rule.refine_below * whole.size:
                    crop, seen = self._refine(frame, whole, closer, seen, stopwatch)
                    confirmed = crop == closer
            elif self._search_is_due(frame.time):
                crop, seen = self._search(frame, whole, crop, seen, stopwatch)

        if self._thorough and self._is_person(seen, frame.time):
            seen = self._run_thoroughly(frame, crop, seen, stopwatch)
        self._crop, poses = None, []
        if self._is_person(seen, frame.time):
            self._last, self._last_at = seen.box, frame.time
            # Whom no crop has shown is searched for in the whole frame again.
            if confirmed:
                wanted = self._next_crop(seen, self._min_keypoint_score, held=crop)
                self._crop = settled_crop(crop, wanted)
            poses = [self._model.pose(seen)]
        stopwatch.lap("postprocess")
        # Whoever is searched for may be small, and get a closer look in the same frame.
        shrink = 1.0 if self._crop is None else self._model.shrink(self._crop)
        return Estimate(poses, None if crop == whole else crop.normalised(*size), shrink)

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        """Find the person in a part of a frame; see `Estimator.estimate_crop`."""
        stopwatch, fitted = stopwatch or Stopwatch(), self._model.fit(crop)
        seen = self._run(frame, fitted, stopwatch)
        if self._thorough:
            seen = self._run_thoroughly(frame, fitted, seen, stopwatch)
        return [self._model.pose(seen)] if self._is_person(seen) else []

    def _run(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> Sighting:
        return Sighting(self._model.run(frame, crop, stopwatch), self._min_keypoint_score)

    def _run_thoroughly(
        self, frame: Frame, crop: Crop, seen: Sighting, stopwatch: Stopwatch
    ) -> Sighting:
        keypoints = run_thoroughly(self._model, frame, crop, seen.keypoints, stopwatch)
        return Sighting(keypoints, self._min_keypoint_score)

    def _next_crop(self, seen: Sighting, min_score: float, held: Crop | None = None) -> Crop:
        region = self._model.rule.region(seen.keypoints, *self._frame_size, min_score)
        return self._model.fit(region, held)

    def _is_person(self, seen: Sighting, now_s: float | None = None) -> bool:
        """Return whether there is a person; with a time, one who is known may be small by now."""
        if seen.score < self._min_pose_score:
            return False
        if seen.is_somebody(self._min_keypoints):
            return True
        known = now_s is not None and self._is_known(seen, now_s)
        return known and seen.is_somebody(self._min_keypoints, 0.0)

    def _is_known(self, seen: Sighting, now_s: float) -> bool:
        """Return whether this is where the last person was a moment ago."""
        if self._last is None or not 0 <= now_s - self._last_at <= MEMORY_S:
            return False
        before, now = (square_around(one, *self._frame_size) for one in (self._last, seen.box))
        return before.overlaps(now)

    def _refine(
        self,
        frame: Frame,
        whole: Crop,
        closer: Crop,
        seen: Sighting,
        stopwatch: Stopwatch,
    ) -> tuple[Crop, Sighting]:
        """Return crop and result of a closer look at what was found in the whole frame.

        A newcomer whom the closer look does not confirm is nobody; somebody who was there a moment
        ago still is.
        """
        refined = self._run(frame, closer, stopwatch)
        now = frame.time
        still_there = self._is_known(seen, now) and self._is_person(seen, now)
        if still_there and not self._is_person(refined, now):
            return whole, seen
        return closer, refined

    def _search_is_due(self, now_s: float) -> bool:
        """Return whether the interval is over, by the frames' own time (which may jump back)."""
        if 0 <= now_s - self._searched_at < SEARCH_INTERVAL_S:
            return False
        self._searched_at = now_s
        return True

    def _search(
        self, frame: Frame, whole: Crop, crop: Crop, seen: Sighting, stopwatch: Stopwatch
    ) -> tuple[Crop, Sighting]:
        """Return crop and result for another person with a clearly better score, or the given."""
        other = self._next_crop(self._run(frame, whole, stopwatch), CANDIDATE_SCORE)
        if other == whole or other.overlaps(crop):
            return crop, seen
        found = self._run(frame, other, stopwatch)
        if found.score < seen.score + SWITCH_MARGIN:
            return crop, seen
        return other, found
