"""Tracking: stable ids for people from frame to frame, and smoothed skeletons.

`pose_tracker.py` combines `tracker.py`, which assigns ids, and `smoother.py`, which removes jitter.
`matching.py` matches poses to known people, `track.py` extrapolates a person's motion to the
current frame, and `prediction.py` moves poses forward to a later frame. All of this is pure
computation: no device, no clock, no thread.

May import: errors, util, frames, poses, config.

To use another filter, replace `OneEuro` in `smoother.py`; to compare poses in another way, replace
`match_poses` in `matching.py`.
"""

from pose_edge.tracking.one_euro import OneEuro
from pose_edge.tracking.pose_tracker import PoseTracker
from pose_edge.tracking.prediction import move_forward
from pose_edge.tracking.similarity import SIGMAS, iou, oks_matrix
from pose_edge.tracking.smoother import Smoother
from pose_edge.tracking.tracker import Tracker

__all__ = [
    "SIGMAS",
    "OneEuro",
    "PoseTracker",
    "Smoother",
    "Tracker",
    "iou",
    "move_forward",
    "oks_matrix",
]
