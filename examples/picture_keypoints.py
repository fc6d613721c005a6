"""Print the keypoints of the people in a picture.

    python examples/picture_keypoints.py PICTURE [MODEL]

MODEL is, for example, movenet-multipose-int8 for several people; `pose-edge models list` prints all
names.
"""

from __future__ import annotations

import argparse
import sys

import cv2

from pose_edge import Keypoint, PoseEdgeError, PoseEstimator


def main() -> None:
    """Read the picture, find the people and print the pixel coordinates of their keypoints."""
    parser = argparse.ArgumentParser(description="Print the keypoints of people in a picture.")
    parser.add_argument("picture")
    parser.add_argument("model", nargs="?", default="movenet-lightning-int8")
    arguments = parser.parse_args()

    image = cv2.imread(arguments.picture)
    if image is None:
        sys.exit(f"{arguments.picture} is not a picture that can be read")
    try:
        with PoseEstimator(arguments.model) as estimator:
            poses = estimator(image)
    except PoseEdgeError as error:
        sys.exit(str(error))

    height, width = image.shape[:2]
    print(f"{len(poses)} people, {width} x {height} pixels")
    for number, pose in enumerate(poses, start=1):
        pixels = pose.pixels(width, height)
        print(f"person {number}, score {pose.score:.2f}")
        for keypoint in Keypoint:
            x, y = pixels[keypoint]
            print(f"  {keypoint.name.lower():<15} {x:6.0f} {y:6.0f}  {pose[keypoint].score:.2f}")


if __name__ == "__main__":
    main()
