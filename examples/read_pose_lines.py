"""Print who raises a hand, from the lines that `pose-edge run --poses -` writes.

    pose-edge run --poses - | python examples/read_pose_lines.py

Needs nothing but Python. Each line is one JSON object for one frame:
{"time": 1.5, "frame": [1280, 720], "poses": [{"id": 1, "keypoints": [[x, y, score], ...]}], ...}
with the 17 keypoints in COCO's order, and x and y in 0...1 of the frame; y points down.
"""

from __future__ import annotations

import json
import sys

NOSE, LEFT_WRIST, RIGHT_WRIST = 0, 9, 10
MIN_SCORE = 0.3
"""Score below which a keypoint is ignored."""


def raised(keypoints: list[list[float]]) -> list[str]:
    """Return which wrists are above the nose: "left", "right", both or none."""
    nose = keypoints[NOSE]
    hands = {"left": keypoints[LEFT_WRIST], "right": keypoints[RIGHT_WRIST]}
    return [
        name
        for name, (_x, y, score) in hands.items()
        if min(score, nose[2]) >= MIN_SCORE and y < nose[1]
    ]


def main() -> None:
    """Print a line for every raised hand in every frame, and a summary at the end."""
    frames = people = 0
    for line in sys.stdin:
        record = json.loads(line)
        frames += 1
        people += len(record["poses"])
        for pose in record["poses"]:
            for hand in raised(pose["keypoints"]):
                print(f"{record['time']:.2f} s: person {pose['id']} raises the {hand} hand")
    print(f"{frames} frames, {people} poses")


if __name__ == "__main__":
    main()
