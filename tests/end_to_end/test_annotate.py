"""`pose-edge annotate` on real video and pictures."""

from __future__ import annotations

import os
import signal
import struct
import zlib

import cv2
import numpy as np
import pytest
from clips import demo_frames, video_frames, write_clip
from command import Command, read_lines
from helpers import GENEROUS_S, wait_until, write_video
from PIL import Image as PillowImage
from shared import shared_dir

from pose_edge.util import resources


def test_every_frame_of_a_video_is_drawn_and_written(pose_edge: Command) -> None:
    frames = demo_frames(range(60, 90))
    clip = write_clip(pose_edge.folder / "in.mp4", frames)
    done = pose_edge("annotate", clip, "-o", "out.mp4", "--poses", "out.jsonl")
    assert done.status == 0, done.stderr
    lines = read_lines(pose_edge.folder / "out.jsonl")
    assert [line["seq"] for line in lines] == list(range(30))
    assert [line["time"] for line in lines] == pytest.approx([n / 30 for n in range(30)], abs=1e-3)
    times, size, drawn = video_frames(pose_edge.folder / "out.mp4")
    assert len(drawn) == 30
    assert size == (1280, 720)
    assert times == pytest.approx([line["time"] for line in lines], abs=1e-3)
    # The skeleton is drawn at the keypoints of the pose lines, and nothing far from them.
    for line, before, after in zip(lines, frames, drawn, strict=True):
        assert len(line["poses"]) == 1
        x0, y0, x1, y1 = line["poses"][0]["box"]
        changed = np.abs(after.astype(int) - before).max(axis=2) > 60
        rows, columns = np.nonzero(changed)
        assert len(rows) > 300
        assert columns.min() / 1280 > x0 - 0.02
        assert columns.max() / 1280 < x1 + 0.02
        assert rows.min() / 720 > y0 - 0.03
        assert rows.max() / 720 < y1 + 0.03


def test_the_last_skeleton_disappears_at_once(pose_edge: Command) -> None:
    person = demo_frames(range(64, 74))
    empty = [np.full_like(person[0], 90)] * 5
    clip = write_clip(pose_edge.folder / "in.mp4", person + empty + person[:5])
    assert pose_edge("annotate", clip, "--poses", "out.jsonl").status == 0
    found = [len(line["poses"]) for line in read_lines(pose_edge.folder / "out.jsonl")]
    assert found == [1] * 10 + [0] * 5 + [1] * 5


def test_a_picture_and_a_folder_of_pictures(pose_edge: Command) -> None:
    folder = pose_edge.folder / "in"
    folder.mkdir()
    for number, image in enumerate(demo_frames(range(64, 67))):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    (folder / "notes.txt").write_text("no picture")
    done = pose_edge("annotate", folder, "-o", "drawn", "--poses", "out.jsonl")
    assert done.status == 0, done.stderr
    assert sorted(path.name for path in (pose_edge.folder / "drawn").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
    ]
    lines = read_lines(pose_edge.folder / "out.jsonl")
    assert [line["file"] for line in lines] == ["0.png", "1.png", "2.png"]
    assert all(len(line["poses"]) == 1 for line in lines)

    done = pose_edge("annotate", folder / "1.png")
    assert done.status == 0, done.stderr
    before = cv2.imread(str(folder / "1.png"))
    after = cv2.imread(str(pose_edge.folder / "1-poses.png"))
    assert before is not None
    assert after is not None
    assert after.shape == before.shape
    assert (after != before).any()


def test_a_folder_of_what_people_have(pose_edge: Command) -> None:
    """A file that cannot be read neither ends the batch nor is skipped silently."""
    folder = pose_edge.folder / "in [b]"
    folder.mkdir()
    good = demo_frames(range(64, 65))[0]
    picture = PillowImage.fromarray(np.ascontiguousarray(good[:, :, ::-1]))
    picture.save(folder / "a.jpg")
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes()[:20_000])
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.transpose(PillowImage.Transpose.ROTATE_90).save(folder / "c.webp", exif=exif)
    picture.quantize(64).save(folder / "d.gif")
    cv2.imwrite(str(folder / "e.png"), cv2.resize(good[:1, :1], (40_000, 300)))
    huge = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + huge))
    start = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
    (folder / "f.png").write_bytes(start + huge + checksum + bytes(50))
    (folder / "g.jpg").touch()
    os.mkfifo(folder / "h.jpg")
    (folder / "i.jpg").symlink_to("nowhere")
    picture.save(folder / os.fsdecode(b"\xe9.jpg"))
    (folder / "._a.jpg").write_bytes(b"\0\5\x16\7")
    (folder / "README.txt").write_text("no picture")
    (folder / "more").mkdir()
    done = pose_edge("annotate", folder, "-o", "out", "--poses", "out.jsonl")
    assert done.status == 1, done.stderr
    assert done.complaint() == [], "no error of the program"
    for name in ("b.jpg", "f.png", "g.jpg", "h.jpg"):
        assert f"{name} is not a picture that can be read: " in done.stderr
    assert "i.jpg cannot be read: No such file" in done.stderr
    assert "5 of 10 pictures could not be read (b.jpg, f.png, g.jpg and 2 more)" in done.stderr
    others = "hidden files (1): ._a.jpg; other files (1): README.txt; folders (1): more"
    assert f"ignored in in [b]: {others}" in done.stderr
    last = os.fsdecode(b"\xe9.jpg")
    lines = read_lines(pose_edge.folder / "out.jsonl")
    assert [line["file"] for line in lines] == ["a.jpg", "c.webp", "d.gif", "e.png", "?.jpg"]
    assert all(len(line["poses"]) == 1 for line in lines if line["file"] != "e.png")
    written = sorted(path.name for path in (pose_edge.folder / "out").iterdir())
    assert written == ["a.jpg", "c.webp", "d.gif.jpg", "e.png", last]
    upright = cv2.imread(str(pose_edge.folder / "out" / "c.webp"))
    assert upright is not None
    assert upright.shape == good.shape


def test_sigterm_leaves_a_whole_video(pose_edge: Command) -> None:
    process = pose_edge.start("annotate", "demo", "-o", "out.mp4", "--poses", "out.jsonl")
    poses = pose_edge.folder / "out.jsonl"
    wait_until(lambda: poses.exists() and len(poses.read_text().splitlines()) > 20, "20 lines")
    process.send_signal(signal.SIGTERM)
    done = pose_edge.finish(process)
    assert done.status == 1
    assert "stopped before the end" in done.stderr
    lines = read_lines(poses)
    _times, _size, drawn = video_frames(pose_edge.folder / "out.mp4")
    assert 20 <= len(drawn) == len(lines) < 230


@pytest.mark.parametrize("drawn", [True, False])
def test_a_reader_of_the_poses_who_leaves(pose_edge: Command, drawn: bool) -> None:
    clip = write_video(pose_edge.folder / "in.mp4", [n / 30 for n in range(90)])
    process = pose_edge.start(
        *("annotate", clip, "--poses", "-"), *(("-o", "out.mp4") if drawn else ())
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(GENEROUS_S) == 0
    assert process.stderr is not None
    assert "pose-edge: " not in process.stderr.read()
    if drawn:
        assert len(video_frames(pose_edge.folder / "out.mp4")[0]) == 90


def test_existing_output_survives_a_wrong_input(pose_edge: Command) -> None:
    (pose_edge.folder / "out.mp4").write_bytes(b"precious")
    (pose_edge.folder / "out.jsonl").write_text("precious")
    (pose_edge.folder / "in.mp4").write_bytes(b"not a video")
    done = pose_edge("annotate", "in.mp4", "-o", "out.mp4", "--poses", "out.jsonl", "--force")
    assert done.status == 3
    assert (pose_edge.folder / "out.mp4").read_bytes() == b"precious"
    assert (pose_edge.folder / "out.jsonl").read_text() == "precious"


def test_the_whole_demo_clip_installed_or_not(pose_edge: Command) -> None:
    done = pose_edge("annotate", "demo", "--poses", "out.jsonl")
    assert done.status == 0, done.stderr
    lines = read_lines(pose_edge.folder / "out.jsonl")
    assert len(lines) == 230
    somebody = sum(bool(line["poses"]) for line in lines)
    assert somebody >= 210
    assert not (pose_edge.folder / resources.demo_clip().name).exists()


def test_squats(pose_edge: Command) -> None:
    video = shared_dir("data/videos") / "tfjs_pose_squats.mp4"
    done = pose_edge("annotate", video, "-o", "out.mp4", "--poses", "light.jsonl")
    assert done.status == 0, done.stderr
    light = read_lines(pose_edge.folder / "light.jsonl")
    _times, size, drawn = video_frames(pose_edge.folder / "out.mp4")
    assert (len(light), len(drawn), size) == (65, 65, (720, 1280))
    model = ("--model", "movenet-thunder-fp16")
    assert pose_edge("annotate", video, "--poses", "thunder.jsonl", *model).status == 0
    thunder = read_lines(pose_edge.folder / "thunder.jsonl")
    for one, other in zip(light, thunder, strict=True):
        assert len(one["poses"]) == len(other["poses"]) == 1
        a = np.array(one["poses"][0]["keypoints"])
        b = np.array(other["poses"][0]["keypoints"])
        assert a[:, 2].min() > 0.25
        # Two independent models place every joint at nearly the same point: the woman is 0.65 of
        # the picture high.
        apart = np.abs(a[:, :2] - b[:, :2]) * (720 / 1280, 1.0)
        assert np.median(apart) < 0.01
        assert apart.max() < 0.08


@pytest.mark.parametrize("size", [(641, 481), (33, 57)])
def test_odd_sizes_stay_as_they_are(pose_edge: Command, size: tuple[int, int]) -> None:
    frame = cv2.resize(demo_frames(range(64, 65))[0], size)
    clip = write_clip(pose_edge.folder / "odd.mp4", [np.asarray(frame, dtype=np.uint8)] * 4)
    done = pose_edge("annotate", clip, "-o", "out.mp4")
    assert done.status == 0, done.stderr
    _times, drawn_size, drawn = video_frames(pose_edge.folder / "out.mp4")
    assert (len(drawn), drawn_size) == (4, size)
