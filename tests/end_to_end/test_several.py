"""Several people with two models: `annotate` on a video and a picture, and `run` on a Coral."""

from __future__ import annotations

import os
import signal

import cv2
import numpy as np
import pytest
from clips import demo_frames, write_clip
from command import Command, read_lines
from coral_rig import CoralRig

from pose_edge.frames import Image

FINDER = "movenet-multipose-int8"


def two_people(numbers: range) -> list[Image]:
    """Return frames with a person of the demo clip on the right, and mirrored on the left."""
    found = []
    for image in demo_frames(numbers):
        part = image[288:, 640:]
        found.append(np.asarray(np.hstack([part[:, ::-1], part]), dtype=np.uint8))
    return found


def sides(poses: list[dict[str, list[float]]]) -> list[bool]:
    """Return, sorted, for each pose whether it is in the right half."""
    return sorted(pose["box"][0] > 0.5 for pose in poses)


@pytest.mark.parametrize("effort", ["auto", "fast"])
def test_two_people_in_a_video_keep_their_ids(pose_edge: Command, effort: str) -> None:
    clip = write_clip(pose_edge.folder / "in.mp4", two_people(range(60, 72)))
    done = pose_edge(
        *("annotate", clip, "--poses", "out.jsonl", "--people", "several"),
        *("--set", f"model.effort={effort}"),
    )
    assert done.status == 0, done.stderr
    lines = read_lines(pose_edge.folder / "out.jsonl")
    assert len(lines) == 12
    places: dict[int, set[bool]] = {}
    for line in lines:
        assert (line["finder"], line["model"]) == (FINDER, "movenet-lightning-int8")
        assert sides(line["poses"]) == [False, True]
        for pose in line["poses"]:
            assert "predicted" not in pose, "a file gives time for everybody"
            places.setdefault(pose["id"], set()).add(pose["box"][0] > 0.5)
    assert sorted(map(list, places.values())) == [[False], [True]]


def test_two_people_in_a_picture(pose_edge: Command) -> None:
    cv2.imwrite(str(pose_edge.folder / "in.png"), two_people(range(64, 65))[0])
    done = pose_edge("annotate", "in.png", "--poses", "out.jsonl", "--people", "several")
    assert done.status == 0, done.stderr
    (line,) = read_lines(pose_edge.folder / "out.jsonl")
    assert sides(line["poses"]) == [False, True]


def test_multipose_alone_stays_possible_by_its_name(pose_edge: Command) -> None:
    cv2.imwrite(str(pose_edge.folder / "in.png"), two_people(range(64, 65))[0])
    done = pose_edge(
        *("annotate", "in.png", "--poses", "out.jsonl"), *("--people", "several", "--model", FINDER)
    )
    assert done.status == 0, done.stderr
    (line,) = read_lines(pose_edge.folder / "out.jsonl")
    assert line["model"] == FINDER
    assert "finder" not in line
    assert sides(line["poses"]) == [False, True]


def test_the_coral_looks_closer_and_its_death_loses_no_frame(coral: CoralRig) -> None:
    clip = write_clip(coral.folder / "two.mp4", two_people(range(60, 90)))
    run = coral.start(
        "on",
        *("--source", str(clip), "--people", "several"),
        *("--model", "movenet-lightning-fp16", "--set", "source.pace=false"),
        exact=False,
    )
    run.wait_for("edgetpu", 5)
    child = run.child()
    os.kill(child, signal.SIGKILL)
    run.wait_for("cpu")
    run.wait_for_burial(child)
    run.wait_for_log("the Edge TPU is back")
    run.wait_for("edgetpu", 5)
    done = run.stop()
    assert done.status == 0, done.stderr
    seen = [line.seq for line in run.lines]
    assert seen == list(range(len(seen))), "a frame is missing"
    for line in run.lines:
        assert line.record["finder"] == FINDER
        assert sides(line.record["poses"]) == [False, True]
