"""The real command refuses outputs that would destroy a user's file, before it opens anything."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import cv2
import pytest
from clips import demo_frames, write_clip
from command import Command, read_lines
from helpers import wait_until

QUIET = ("--display", "none", "--set", "source.pace=false")


@pytest.fixture
def clip(pose_edge: Command) -> Path:
    return write_clip(pose_edge.folder / "in.mp4", demo_frames(range(64, 67)))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--source", "in.mp4", *QUIET, "--record", "in.mp4", "--force"),
        ("run", "--source", "in.mp4", *QUIET, "--poses", "hard.mp4", "--force"),
        ("annotate", "in.mp4", "-o", "./link.mp4", "--force"),
        ("annotate", "link.mp4", "--poses", "in.mp4", "--force"),
        ("annotate", "in.mp4", "-o", "both.mp4", "--poses", "both.mp4"),
        ("annotate", "pictures", "--poses", "pictures/a.png", "--force"),
        ("annotate", "pictures", "-o", "pictures", "--force"),
        ("annotate", "pictures", "-o", "linked", "--force"),
        ("annotate", "in.mp4", "--config", "my.yaml", "--poses", "my.yaml", "--force"),
        ("annotate", "in.mp4", "-o", "old.mp4"),
        ("annotate", "in.mp4", "--poses", "pictures"),
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-4:]),
)
def test_what_is_there_stays(pose_edge: Command, clip: Path, arguments: tuple[str, ...]) -> None:
    folder = pose_edge.folder
    (folder / "hard.mp4").hardlink_to(clip)
    (folder / "link.mp4").symlink_to("in.mp4")
    (folder / "old.mp4").write_text("old")
    (folder / "my.yaml").write_text("model:\n  threads: 1\n")
    (folder / "pictures").mkdir()
    cv2.imwrite(str(folder / "pictures" / "a.png"), demo_frames(range(64, 65))[0])
    (folder / "linked").mkdir()
    (folder / "linked" / "a.png").symlink_to("../pictures/a.png")
    before = contents(folder)
    done = pose_edge(*arguments)
    assert (done.status, len(done.complaint())) == (2, 1), done.stderr
    assert "model:" not in done.stderr, "nothing was loaded"
    assert contents(folder) == before


def test_a_second_program_is_kept_out_until_the_first_has_ended(
    pose_edge: Command, clip: Path
) -> None:
    poses = pose_edge.folder / "p.jsonl"
    endless = (*QUIET, "--set", "source.loop=true", "--poses", "p.jsonl")
    process = pose_edge.start("run", "--source", clip, *endless)
    wait_until(lambda: poses.exists() and poses.stat().st_size > 0, "the first line")
    done = pose_edge("run", "--source", clip, *endless)
    assert done.status == 2
    assert "--poses p.jsonl exists already" in done.stderr
    done = pose_edge("annotate", clip, "--poses", "p.jsonl", "--force")
    assert done.status == 2
    assert "another program is writing p.jsonl" in done.stderr
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = pose_edge("annotate", clip, "--poses", "p.jsonl", "--force")
    assert done.status == 0, done.stderr
    assert [line["seq"] for line in read_lines(poses)] == [0, 1, 2]
    assert {path.name for path in pose_edge.folder.iterdir()} == {"in.mp4", "p.jsonl"}


def test_the_names_of_the_report_are_those_of_the_files(pose_edge: Command, clip: Path) -> None:
    done = pose_edge("annotate", clip, "-o", "1:2-{time}%d.mp4", "--poses=-{time}.jsonl")
    assert done.status == 0, done.stderr
    names = {path.name for path in pose_edge.folder.iterdir()} - {"in.mp4"}
    assert len(names) == 2
    assert all(name in done.stderr and "{" not in name for name in names)


def test_a_file_that_is_removed_meanwhile_is_a_loss(pose_edge: Command, clip: Path) -> None:
    process = pose_edge.start(
        *("run", "--source", clip, *QUIET, "--set", "source.loop=true", "--poses", "p.jsonl")
    )
    poses = pose_edge.folder / "p.jsonl"
    wait_until(lambda: poses.exists() and poses.stat().st_size > 0, "the first line")
    poses.unlink()
    process.terminate()
    done = pose_edge.finish(process)
    assert done.status == 1
    assert "moved or removed while it was written" in done.stderr
