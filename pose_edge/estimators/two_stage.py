"""A two-stage (top-down) estimator: one model finds several people, another refines each of them.

The first model, the finder, returns several people, but sees the frame at low resolution. The
second, the refiner, returns one person in a crop, far more accurately. In live sources and videos
people are followed: each is refined in a crop of their own, and the finder runs only at intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from pose_edge.estimators.crop import Crop, settled_crop
from pose_edge.estimators.crowd import Crowd, Follower
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.multi_person import MultiPersonEstimator
from pose_edge.estimators.multipose import MAX_PEOPLE, decoders
from pose_edge.estimators.pass_budget import PassBudget
from pose_edge.estimators.regions import person_region, search_regions
from pose_edge.estimators.sighting import Sighting
from pose_edge.estimators.single_person import CANDIDATE_SCORE
from pose_edge.frames import Frame
from pose_edge.poses import Estimate, Pose, Provenance
from pose_edge.runtimes import Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.tracking.similarity import drop_duplicates

FINDER_SCORE: Final = 0.05
"""Minimum score of the finder for a refinement pass. It is low because that pass decides whether
there is a person."""
SEARCH_INTERVAL_S: Final = 0.25
"""Interval, in seconds of frame time, between searches of one region while people are followed. A
full cycle takes one second: the whole frame, a tile, the whole frame, the other tile."""
LOST_INTERVAL_S: Final = 0.1
"""Interval, in the same unit, between searches while a followed person is missing."""
SEARCH_SHARE: Final = 0.25
"""Maximum fraction of the time that a slow machine spends on searches while people are followed."""


def make_finder(runtime: Runtime) -> MultiPersonEstimator:
    """Return a MultiPose estimator with thresholds suited to candidates for refinement."""
    decode = decoders()[1]
    return MultiPersonEstimator(
        runtime,
        decode,
        min_keypoint_score=CANDIDATE_SCORE,
        min_pose_score=FINDER_SCORE,
        max_people=MAX_PEOPLE,
    )


class TwoStageEstimator:
    """Finds several people with two models."""

    def __init__(
        self,
        finder: MultiPersonEstimator,
        refiner: KeypointModel,
        *,
        min_keypoint_score: float,
        min_pose_score: float,
        max_people: int,
        min_keypoints: int = 0,
        effort: Literal["auto", "fast", "thorough"] = "auto",
    ) -> None:
        """Create the estimator.

        Args:
            finder: Finds several people.
            refiner: Finds the keypoints of one person in a crop.
            min_keypoint_score: Minimum keypoint score; weaker keypoints are ignored.
            min_pose_score: Minimum score of a person in the refinement pass.
            max_people: Maximum number of people returned.
            min_keypoints: Minimum number of keypoints above `min_keypoint_score` of a person.
            effort: Whether the whole frame and all tiles are searched in every frame: "thorough"
                always, "fast" never, "auto" for still pictures only.
        """
        self.runtime = refiner.runtime
        self._finder = finder
        self._refiner = refiner
        self._min_keypoint_score = min_keypoint_score
        self._min_pose_score = min_pose_score
        self._min_keypoints = min_keypoints
        self._effort = effort
        self._crowd = Crowd(max_people, min_keypoint_score)
        self._budget = PassBudget()
        self._size = (0, 0)
        self.reset()

    @property
    def provenance(self) -> Provenance:
        """See `Estimator.provenance`."""
        return replace(self.runtime.provenance, finder=self._finder.provenance.model)

    def close(self) -> None:
        """Close both models; see `Estimator.close`."""
        self.runtime.close()
        self._finder.close()

    def reset(self) -> None:
        """Forget the people; the next frame is searched."""
        self._crowd.forget()
        self._turn = -1
        self._time_s = self._searched_at = 0.0

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the people in a frame; see `Estimator.estimate`."""
        stopwatch = stopwatch or Stopwatch()
        now = frame.captured_ns / 1e9 if frame.live else frame.time
        size = (frame.width, frame.height)
        if size != self._size or now < self._time_s:
            self.reset()
        self._size, self._time_s = size, now
        self._budget.start_frame(frame.index, now)

        regions = self._regions_due(frame, now)
        self._search(frame, regions, now, stopwatch)
        queue = self._crowd.queue
        if frame.live:
            # An empty crowd is searched in every frame. Where that takes the time of a refinement
            # pass, nobody would ever be confirmed.
            least = 1 if self._crowd.empty else 0
            queue = queue[: max(least, self._budget.passes(len(regions)))]
        looks = self._look_at(queue, frame, now, stopwatch)
        poses = self._crowd.update(looks, now, size)
        lost = [one for one in self._crowd.queue if one.missed_since == now]
        if lost and not (frame.live or regions):
            # The scene may have changed, so search again at once. A live source has no time for it.
            self._search(frame, search_regions(*size)[:1], now, stopwatch)
            newcomers = [one for one in self._crowd.queue if not one.confirmed]
            looks = self._look_at(newcomers, frame, now, stopwatch)
            found = self._crowd.update([*looks, *((one, None) for one in lost)], now, size)
            poses = drop_duplicates([*poses, *found], size)
            poses.sort(key=lambda pose: pose.score, reverse=True)
        stopwatch.lap("postprocess")
        return Estimate(poses)

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        """Run the refiner on a part of a frame; see `Estimator.estimate_crop`."""
        keypoints = self._refiner.run(frame, self._refiner.fit(crop), stopwatch or Stopwatch())
        seen = Sighting(keypoints, self._min_keypoint_score)
        found = seen.is_person(self._min_keypoints, 0.0) and seen.score >= self._min_pose_score
        return [self._refiner.pose(seen)] if found else []

    def _search(
        self, frame: Frame, regions: Sequence[Crop], now_s: float, stopwatch: Stopwatch
    ) -> None:
        """Run the finder on regions (possibly none), and add the people to the crowd."""
        if not regions:
            return
        before_s = _spent_s(stopwatch)
        found = [
            pose
            for region in regions
            for pose in self._finder.estimate_crop(frame, region, stopwatch)
        ]
        self._budget.note_search((_spent_s(stopwatch) - before_s) / len(regions))
        found.sort(key=lambda pose: pose.score, reverse=True)
        self._crowd.add_candidates(drop_duplicates(found, self._size), now_s, self._size)
        self._searched_at = now_s

    def _regions_due(self, frame: Frame, now_s: float) -> list[Crop]:
        """Return the regions to search in this frame."""
        whole, *tiles = search_regions(*self._size)
        still = frame.file is not None
        if self._effort == "thorough" or (self._effort == "auto" and still):
            return [whole, *tiles]
        if self._crowd.full:
            return []
        interval_s = LOST_INTERVAL_S if self._crowd.lost else SEARCH_INTERVAL_S
        if frame.live:
            interval_s = max(interval_s, self._budget.search_s / SEARCH_SHARE)
        if not self._crowd.empty and now_s - self._searched_at < interval_s:
            return []
        self._turn = 0 if self._crowd.lost else self._turn + 1
        in_turn = (whole, tiles[0], whole, tiles[1])
        return [in_turn[self._turn % len(in_turn)]]

    def _look_at(
        self, people: Sequence[Follower], frame: Frame, now_s: float, stopwatch: Stopwatch
    ) -> list[tuple[Follower, Pose | None]]:
        """Refine people; return each with the pose found in their place, or None."""
        return [(one, self._refine(frame, one, now_s, stopwatch)) for one in people]

    def _refine(
        self, frame: Frame, one: Follower, now_s: float, stopwatch: Stopwatch
    ) -> Pose | None:
        """Run a refinement pass at a person's expected place; return the pose, or None."""
        before_s = _spent_s(stopwatch)
        keypoints = one.expected(now_s).keypoints
        region = person_region(keypoints, *self._size, CANDIDATE_SCORE)
        wanted = self._refiner.fit(region, one.crop)
        one.crop = settled_crop(one.crop, wanted) if one.crop is not None else wanted
        poses = self.estimate_crop(frame, one.crop, stopwatch)
        self._budget.note_refinement(_spent_s(stopwatch) - before_s)
        return poses[0] if poses else None


def _spent_s(stopwatch: Stopwatch) -> float:
    """Return the sum of all laps so far, seconds."""
    return sum(stopwatch.laps_ms.values()) / 1000
