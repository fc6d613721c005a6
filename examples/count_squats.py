"""Count the squats of one person in a video, or in front of a camera.

    python examples/count_squats.py SOURCE

A squat is counted when both knees bend below the angle `DEEP` after the person stood upright. The
gap between the angles `DEEP` and `STANDING` keeps a trembling knee from being counted twice.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

import numpy as np

from pose_edge import Keypoint, Pose, PoseEdgeError, open_pipeline

DEEP = 120.0
"""Angle between thigh and shank below which a knee is bent for a squat, degrees."""
STANDING = 160.0
"""Angle between thigh and shank above which the person stands upright, degrees."""
MIN_SCORE = 0.3
"""Keypoint score below which a leg is ignored."""

LEGS = (
    (Keypoint.LEFT_HIP, Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE),
    (Keypoint.RIGHT_HIP, Keypoint.RIGHT_KNEE, Keypoint.RIGHT_ANKLE),
)


def knee_angle(pose: Pose, width: int, height: int) -> float | None:
    """Return the angle of the straighter knee in degrees, or None unless both legs are visible."""
    pixels = pose.pixels(width, height)  # normalised coordinates would distort angles
    angles = []
    for hip, knee, ankle in LEGS:
        if min(pose[hip].score, pose[knee].score, pose[ankle].score) < MIN_SCORE:
            continue
        thigh, shank = pixels[hip] - pixels[knee], pixels[ankle] - pixels[knee]
        length = float(np.linalg.norm(thigh) * np.linalg.norm(shank))
        if length > 0:
            cosine = float(np.dot(thigh, shank)) / length
            angles.append(float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))))
    return max(angles) if len(angles) == len(LEGS) else None  # walking bends only one knee


def main() -> None:
    """Print a line for every squat, and the number of squats at the end."""
    parser = argparse.ArgumentParser(description="Count squats in a video.")
    parser.add_argument("source")
    source = parser.parse_args().source

    count, standing = 0, False
    try:
        with contextlib.suppress(KeyboardInterrupt), open_pipeline(source) as results:
            for result in results:
                if not result.poses:
                    continue
                angle = knee_angle(result.poses[0], result.frame.width, result.frame.height)
                if angle is None:
                    continue
                if angle > STANDING:
                    standing = True
                elif angle < DEEP and standing:
                    count, standing = count + 1, False
                    print(f"{result.time:.1f} s: squat {count}", flush=True)
    except PoseEdgeError as error:
        sys.exit(str(error))
    print(f"{count} squats")


if __name__ == "__main__":
    main()
