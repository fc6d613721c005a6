"""Tracking: who is who from frame to frame, and steady skeletons. Numbers in, numbers out."""

from pose_edge.tracking.one_euro import OneEuro
from pose_edge.tracking.pose_tracker import PoseTracker
from pose_edge.tracking.similarity import SIGMAS, iou, oks, oks_matrix
from pose_edge.tracking.smoother import Smoother
from pose_edge.tracking.tracker import Tracker

__all__ = ["SIGMAS", "OneEuro", "PoseTracker", "Smoother", "Tracker", "iou", "oks", "oks_matrix"]
