"""Models that are fetched, and files that users put into the folder of fetched models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from clips import demo_frames, write_clip
from command import Command, Finished, read_lines
from helpers import wait_until
from publisher import HOST, Offer, Publisher, make_certificate, publishing
from shared import shared_dir

from pose_edge.util import resources
from pose_edge.zoo.catalogue import load_downloads

GOOGLE = "movenet-lightning-google-int8"
EDGETPU = "movenet-lightning-edgetpu"
THUNDER = "movenet-thunder-edgetpu"
PROXIES = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "all_proxy"), "http://127.0.0.1:9")
"""A proxy on the port "discard", where nobody listens: as without a network, on any machine."""


def home(pose_edge: Command) -> Path:
    return pose_edge.folder / "data"


def start(pose_edge: Command, *arguments: str | Path) -> Finished:
    return pose_edge(*arguments, XDG_DATA_HOME=str(home(pose_edge)), no_proxy="", **PROXIES)


def put(pose_edge: Command, name: str, content: bytes) -> Path:
    path = home(pose_edge) / "pose-edge" / "models" / f"{name}.tflite"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def published(file: str) -> bytes:
    return shared_dir("models", f"movenet_single_pose_lightning_ptq{file}.tflite").read_bytes()


def one_line(done: Finished, status: int = 3) -> str:
    assert done.status == status, done.stderr
    complaint = done.complaint()
    assert len(complaint) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return complaint[0]


def test_an_unknown_name_suggests_the_nearest(pose_edge: Command) -> None:
    done = start(pose_edge, "models", "fetch", "movenet-lightning-edgtpu")
    assert f"did you mean {EDGETPU}?" in one_line(done)
    assert not home(pose_edge).exists()


def test_one_unknown_name_among_several_fetches_nothing(pose_edge: Command) -> None:
    done = start(pose_edge, "models", "fetch", GOOGLE, "nonsense")
    assert "no model 'nonsense'" in one_line(done)
    assert not home(pose_edge).exists()


def test_what_ships_need_not_be_fetched(pose_edge: Command) -> None:
    done = start(pose_edge, "models", "fetch", "movenet-lightning-fp16")
    assert done.status == 0
    assert "nothing to fetch" in done.stderr
    assert done.complaint() == []


def test_without_a_network_there_is_one_clear_line(pose_edge: Command) -> None:
    line = one_line(start(pose_edge, "models", "fetch", GOOGLE))
    assert "https://raw.githubusercontent.com/" in line
    assert "cannot be downloaded" in line
    assert "is the network up?" in line
    folder = home(pose_edge) / "pose-edge" / "models"
    assert not list(folder.glob("*.tflite"))


def test_a_model_that_is_not_here_yet(pose_edge: Command) -> None:
    for command in (
        ["run", "--source", "demo", "--display", "none"],
        ["annotate", resources.demo_clip()],
    ):
        line = one_line(start(pose_edge, *command, "--model", GOOGLE))
        assert f"`pose-edge models fetch {GOOGLE}` gets it" in line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<html>404</html>", "not a TensorFlow Lite model"),
        (b"\x1c\0\0\0TFL3" + bytes(1000), "1008 bytes instead of 2894840"),
        (b"\x1c\0\0\0TFL3" + bytes(2_894_832), "SHA-256"),
    ],
)
def test_a_file_put_there_that_is_not_the_published_one(
    pose_edge: Command, content: bytes, says: str
) -> None:
    path = put(pose_edge, GOOGLE, content)
    line = one_line(start(pose_edge, "run", "--source", "demo", "--model", GOOGLE))
    assert says in line
    assert str(path) in line
    assert path.read_bytes() == content


def test_the_published_lightning_put_there_by_hand(pose_edge: Command) -> None:
    content = published("")
    put(pose_edge, GOOGLE, content)
    listed = json.loads(start(pose_edge, "models", "list", "--json").stdout)
    assert {entry["name"]: entry["state"] for entry in listed}[GOOGLE] == "fetched"
    clip = write_clip(pose_edge.folder / "in.mp4", demo_frames(range(118, 124)))
    done = start(
        pose_edge, "annotate", clip, "--model", GOOGLE, "-o", "out.mp4", "--poses", "out.jsonl"
    )
    assert done.status == 0, done.stderr
    lines = read_lines(pose_edge.folder / "out.jsonl")
    assert len(lines) == 6
    for line in lines:
        assert line["model"] == GOOGLE
        (pose,) = line["poses"]
        x0, y0, x1, y1 = pose["box"]
        assert 0.35 < (x0 + x1) / 2 < 0.6, "the walker, as seen by eye"
        assert 0.6 < (y0 + y1) / 2 < 0.85


def test_the_edge_tpu_file_alone_is_refused_by_run(pose_edge: Command) -> None:
    """The file is the published one, but the CPU cannot run it: one message, no traceback."""
    content = published("_edgetpu")
    put(pose_edge, EDGETPU, content)
    own = pose_edge.folder / "own_edgetpu.tflite"
    own.write_bytes(content)
    run = ("run", "--source", "demo", "--display", "none")
    line = one_line(start(pose_edge, *run, "--model", own))
    assert f"{own} is compiled for the Edge TPU" in line
    assert "edgetpu.model" in line
    for name in (EDGETPU, str(own)):
        done = start(pose_edge, *run, "--model", name, "--edgetpu", "off")
        assert "edgetpu is off" in one_line(done, status=2)


def test_a_fetched_folder_that_cannot_be_written(pose_edge: Command) -> None:
    home(pose_edge).write_text("a file where the folder should be")
    line = one_line(start(pose_edge, "models", "fetch", GOOGLE))
    assert "cannot be written" in line


def test_what_is_here_and_whole_is_not_fetched_again(pose_edge: Command) -> None:
    """Also if the folder of models is a symbolic link to another disk."""
    content = published("")
    real = pose_edge.folder / "disk"
    real.mkdir()
    (real / f"{GOOGLE}.tflite").write_bytes(content)
    (home(pose_edge) / "pose-edge").mkdir(parents=True)
    (home(pose_edge) / "pose-edge" / "models").symlink_to(real)
    done = start(pose_edge, "models", "fetch", GOOGLE)
    assert done.status == 0, done.stderr
    assert done.stdout.strip().endswith(f"{GOOGLE}.tflite")


# --- from a publisher in this test ----------------------------------------------------------------


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    with publishing(make_certificate(tmp_path)) as running:
        yield running


def offer(publisher: Publisher, name: str, what: Offer) -> None:
    publisher.offers[urlsplit(load_downloads()[name].url).path] = what


def environment(pose_edge: Command, publisher: Publisher) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(home(pose_edge)), **publisher.environment}


def test_the_edge_tpu_model_is_fetched_through_a_proxy(
    pose_edge: Command, publisher: Publisher
) -> None:
    """An interrupted download is tried again; a model that is missing does not affect the other."""
    content = published("_edgetpu")
    offer(publisher, EDGETPU, Offer(content, cut_after=(2_000_000,)))
    here = environment(pose_edge, publisher)
    done = pose_edge("models", "fetch", EDGETPU, **here)
    assert done.status == 0, done.stderr
    path = home(pose_edge) / "pose-edge" / "models" / f"{EDGETPU}.tflite"
    assert done.stdout.strip() == str(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]
    assert set(publisher.tunnels) == {f"{HOST}:443"}
    assert len(publisher.asked) == 2, "the first attempt was cut off"
    line = one_line(pose_edge("models", "fetch", EDGETPU, THUNDER, **here))
    assert "the server says 404" in line
    assert len(publisher.asked) == 3, "the one that is here is not asked for again"
    assert list(path.parent.iterdir()) == [path]
    listed = json.loads(pose_edge("models", "list", "--json", **here).stdout)
    states = {entry["name"]: entry["state"] for entry in listed}
    assert (states[EDGETPU], states[THUNDER]) == ("fetched", "can be fetched")


def test_a_program_that_is_killed_while_it_fetches_leaves_nothing(
    pose_edge: Command, publisher: Publisher
) -> None:
    content = published("_edgetpu")
    offer(publisher, EDGETPU, Offer(content, cut_after=(2_000_000,), hold=True))
    here = environment(pose_edge, publisher)
    program = pose_edge.start("models", "fetch", EDGETPU, **here)
    path = home(pose_edge) / "pose-edge" / "models" / f"{EDGETPU}.tflite"
    wait_until(publisher.sent.is_set, "most of the file")
    program.kill()
    pose_edge.finish(program)
    assert list(path.parent.iterdir()) == []
    publisher.released.set()
    done = pose_edge("models", "fetch", EDGETPU, **here)
    assert done.status == 0, done.stderr
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_wrong_bytes_are_refused_in_one_line(pose_edge: Command, publisher: Publisher) -> None:
    offer(publisher, THUNDER, Offer(b"\x1c\0\0\0TFL3" + bytes(100)))
    line = one_line(pose_edge("models", "fetch", THUNDER, **environment(pose_edge, publisher)))
    assert load_downloads()[THUNDER].url in line
    assert "its Git blob id is not the published one; nothing was kept" in line
    assert list((home(pose_edge) / "pose-edge" / "models").iterdir()) == []


def test_a_model_without_a_checksum_is_never_ok(pose_edge: Command) -> None:
    name = "posenet-mobilenet-257"
    put(pose_edge, name, b"\x1c\0\0\0TFL3" + bytes(100))
    done = start(pose_edge, "models", "verify", name)
    assert done.status == 1
    assert "OK" not in done.stdout
    assert "no checksum is published" in done.stdout
