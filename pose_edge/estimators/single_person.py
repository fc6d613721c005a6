"""An estimator that finds one person and follows them with a crop of the frame."""

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
"""Minimum score of the keypoints that define the crop of a refinement pass. It is low because a
small person has low scores in the whole frame."""
SEARCH_INTERVAL_S: Final = 2.0
"""Interval, in seconds of frame time, at which the whole frame is searched although a person is
followed: the crop around them never shows a second person who enters."""
MEMORY_S: Final = 1.0
"""Time, in seconds of frame time, for which a person is remembered: a person seen in the same place
within it is the same one, not a new one."""
SWITCH_MARGIN: Final = 0.15
"""Score by which another person must exceed the followed one to be followed instead. The followed
one may be a coat on a chair, but the estimator must not alternate between two people."""


class SinglePersonEstimator:
    """Finds one person with a model that always returns exactly one.

    While a person is followed, one inference pass per frame is enough, on a crop derived from the
    last frame. If the crop shows no person, the whole frame is searched. A person may be small
    there, so a refinement pass follows on a crop around the found keypoints. At intervals the
    whole frame is searched even while a person is followed.
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
        """Create the estimator.

        Args:
            model: The loaded model.
            min_keypoint_score: Minimum keypoint score; weaker keypoints are ignored for the crop,
                and for the score and the box of the pose.
            min_pose_score: Minimum score of a person.
            second_look: Whether a frame may take several passes: a refinement pass, or a search of
                the whole frame in addition to the crop.
            min_keypoints: Minimum number of keypoints above `min_keypoint_score` of a person.
            thorough: Whether to run extra passes on a found person, see `run_thoroughly`.
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
        """Forget the person; the next frame is searched as a whole."""
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
                # For a larger person the next frame's crop is soon enough.
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
            # A person whom no crop has confirmed is searched for in the whole frame again.
            if confirmed:
                wanted = self._next_crop(seen, self._min_keypoint_score, held=crop)
                self._crop = settled_crop(crop, wanted)
            poses = [self._model.pose(seen)]
        stopwatch.lap("postprocess")
        # A search needs the full resolution: a small person is refined in the same frame.
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
        """Return whether a person was found.

        With the frame's time, the person last seen in that place is accepted even if the keypoints
        lie too close together for a new person.
        """
        if seen.score < self._min_pose_score:
            return False
        if seen.is_person(self._min_keypoints):
            return True
        known = now_s is not None and self._is_known(seen, now_s)
        return known and seen.is_person(self._min_keypoints, 0.0)

    def _is_known(self, seen: Sighting, now_s: float) -> bool:
        """Return whether the last person was in the same place at most `MEMORY_S` ago."""
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
        """Run a refinement pass on what was found in the whole frame; return crop and result.

        A new person must be confirmed by the refinement pass. For a person who was there a moment
        ago, the result on the whole frame is kept if the refinement pass finds nobody.
        """
        refined = self._run(frame, closer, stopwatch)
        now = frame.time
        still_there = self._is_known(seen, now) and self._is_person(seen, now)
        if still_there and not self._is_person(refined, now):
            return whole, seen
        return closer, refined

    def _search_is_due(self, now_s: float) -> bool:
        """Return whether the search interval is over, in frame time (which may jump back)."""
        if 0 <= now_s - self._searched_at < SEARCH_INTERVAL_S:
            return False
        self._searched_at = now_s
        return True

    def _search(
        self, frame: Frame, whole: Crop, crop: Crop, seen: Sighting, stopwatch: Stopwatch
    ) -> tuple[Crop, Sighting]:
        """Search the whole frame; return crop and result of the better person.

        The given crop and result are returned unless another person has a clearly better score.
        """
        other = self._next_crop(self._run(frame, whole, stopwatch), CANDIDATE_SCORE)
        if other == whole or other.overlaps(crop):
            return crop, seen
        found = self._run(frame, other, stopwatch)
        if found.score < seen.score + SWITCH_MARGIN:
            return crop, seen
        return other, found
