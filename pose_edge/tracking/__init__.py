"""Tracking: the same id for the same person from frame to frame, and steady skeletons.

`pose_tracker.py` joins the two: `tracker.py` gives ids, `smoother.py` takes the jitter out. Who is
who is decided by `matching.py`, where somebody should be by now by `track.py`. `prediction.py`
moves poses forward to a later frame. Numbers in, numbers out: no device, no clock, no thread.

May import: errors, util, frames, poses, config.

Another filter takes the place of `OneEuro` in `smoother.py`; another way to compare poses takes the
place of `match_poses` in `matching.py`.
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
