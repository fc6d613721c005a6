"""`pose-edge run` with damaged and unusual videos."""

from __future__ import annotations

from pathlib import Path

import av
from command import Command, read_lines
from helpers import write_video

RUN = ("run", "--display", "none", "--poses", "p.jsonl")
TIMES = [index / 10 for index in range(10)]


def damage(path: Path, number: int) -> None:
    """Overwrite one packet of a video, given by its index, with zeros."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
    content = bytearray(path.read_bytes())
    assert packet.pos is not None
    content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(content)


def test_a_damaged_video_is_played_to_its_end_and_is_no_success(pose_edge: Command) -> None:
    damage(write_video(pose_edge.folder / "v.mp4", TIMES), 4)
    done = pose_edge(*RUN, "--source", "v.mp4")
    assert done.status == 1
    assert done.stderr.count("v.mp4: 1 of 10 frames is damaged or missing") == 1
    assert [line["time"] for line in read_lines(pose_edge.folder / "p.jsonl")] == [
        time for time in TIMES if time != 0.4
    ]


def test_an_hour_without_frames_is_left_out_when_it_is_played(pose_edge: Command) -> None:
    write_video(pose_edge.folder / "v.mp4", [*TIMES, 3600.0, 3600.1])
    done = pose_edge(*RUN, "--source", "v.mp4")
    assert done.status == 0, done.stderr
    assert "v.mp4: a pause of 3599 s is left out" in done.stderr
    times = [line["time"] for line in read_lines(pose_edge.folder / "p.jsonl")]
    assert times == [*TIMES, 3600.0, 3600.1]


def test_a_name_in_the_current_folder_that_looks_like_an_address(pose_edge: Command) -> None:
    odd = b"cam1-12:30:45-\xe9.mp4".decode(errors="surrogateescape")
    write_video(pose_edge.folder / odd, TIMES)
    assert pose_edge(*RUN, "--source", odd).status == 0
    assert len(read_lines(pose_edge.folder / "p.jsonl")) == len(TIMES)
    done = pose_edge("annotate", odd, "-o", "out.mp4")
    assert done.status == 0, done.stderr
    assert (pose_edge.folder / "out.mp4").exists()
