"""Draw skeletons with your own OpenCV code on a picture or on every frame of a video.

    python examples/draw_poses.py INPUT OUTPUT

INPUT and OUTPUT are, for example, person.jpg and drawn.png, or dance.mp4 and drawn.mp4. (Without
any code, `pose-edge annotate` draws skeletons.)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from pose_edge import SKELETON, Keypoint, PoseEdgeError, PoseEstimator

MIN_SCORE = 0.3
"""Score below which a keypoint is a guess and is not drawn."""
COLOURS = ((255, 160, 60), (60, 200, 255), (120, 220, 120), (220, 120, 220))
"""Colours (blue, green, red) that are assigned to people in turn."""


def draw(image: cv2.typing.MatLike, estimator: PoseEstimator, time_s: float = 0.0) -> None:
    """Find the people in a BGR picture and draw their skeletons on it in place."""
    height, width = image.shape[:2]
    for pose in estimator(image, time_s=time_s):
        colour = COLOURS[(pose.id or 0) % len(COLOURS)]
        points = pose.pixels(width, height).round().astype(int).tolist()
        for start, end in SKELETON:
            if min(pose[start].score, pose[end].score) >= MIN_SCORE:
                cv2.line(image, points[start], points[end], colour, 3, cv2.LINE_AA)
        for keypoint in Keypoint:
            if pose[keypoint].score >= MIN_SCORE:
                cv2.circle(image, points[keypoint], 5, colour, cv2.FILLED, cv2.LINE_AA)


def draw_video(video: cv2.VideoCapture, output: str) -> int:
    """Draw on every frame of a video, and return the number of frames."""
    rate = video.get(cv2.CAP_PROP_FPS) or 30.0
    writer = None
    frames = 0
    with PoseEstimator(tracking=True) as estimator:  # people keep their ids from frame to frame
        while True:
            done, frame = video.read()
            if not done:
                break
            draw(frame, estimator, frames / rate)
            if writer is None:
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(output, cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
            writer.write(frame)
            frames += 1
    if writer is not None:
        writer.release()
    return frames


def main() -> None:
    """Draw on a picture, or on a video."""
    parser = argparse.ArgumentParser(description="Draw skeletons on a picture or a video.")
    parser.add_argument("input")
    parser.add_argument("output")
    arguments = parser.parse_args()

    try:
        if cv2.haveImageReader(arguments.input):
            image = cv2.imread(arguments.input)
            with PoseEstimator() as estimator:
                draw(image, estimator)
            cv2.imwrite(arguments.output, image)
        elif draw_video(cv2.VideoCapture(arguments.input), arguments.output) == 0:
            sys.exit(f"{arguments.input} is neither a picture nor a video that can be read")
    except PoseEdgeError as error:
        sys.exit(str(error))
    print(f"written: {Path(arguments.output).resolve()}")


if __name__ == "__main__":
    main()
