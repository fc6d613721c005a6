"""Print the positions of noses and wrists of the people in front of a camera, until Ctrl-C.

    python examples/live_keypoints.py [SOURCE]

SOURCE is what `pose-edge run --source` accepts, such as /dev/video0, picamera, rtsp://..., a video
or demo. By default it is any camera, or the demo clip if there is none.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

from pose_edge import Keypoint, PoseEdgeError, open_pipeline

SHOWN = (Keypoint.NOSE, Keypoint.LEFT_WRIST, Keypoint.RIGHT_WRIST)
MIN_SCORE = 0.3
"""Score below which a keypoint is a guess and is not printed."""


def main() -> None:
    """Print a line for every person in every frame."""
    parser = argparse.ArgumentParser(description="Print where noses and hands are.")
    parser.add_argument("source", nargs="?", default="auto")
    source = parser.parse_args().source

    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            open_pipeline(source, realtime=True) as results,
        ):
            for result in results:
                for pose in result.poses:
                    places = "  ".join(
                        f"{keypoint.name.lower()} {pose[keypoint].x:.3f} {pose[keypoint].y:.3f}"
                        for keypoint in SHOWN
                        if pose[keypoint].score >= MIN_SCORE
                    )
                    latency = result.latency_ms["total"]
                    print(f"{result.time:.3f}  person {pose.id}  {latency:.0f} ms  {places}")
                    sys.stdout.flush()
    except PoseEdgeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
