"""Outputs of `pose-edge run` whose receivers start late, leave, hang and come back."""

from __future__ import annotations

import csv
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clips import demo_frames
from command import Command, Log
from helpers import GENEROUS_S
from mjpeg import MjpegServer
from pose_lines import strict
from pythonosc.osc_bundle import OscBundle


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as opened:
        yield opened


@contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", port))
        opened.settimeout(GENEROUS_S)
        yield opened


def port_of(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


class PipeEnd:
    """The reading end of a pipe."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._text = b""

    def line(self) -> str:
        while b"\n" not in self._text:
            assert select.select([self._descriptor], [], [], GENEROUS_S)[0], "no line came"
            self._text += os.read(self._descriptor, 65536)
        line, self._text = self._text.split(b"\n", 1)
        return line.decode()

    def close(self) -> None:
        os.close(self._descriptor)


def test_all_outputs_at_once_and_their_peers_come_and_go(
    pose_edge: Command, camera: MjpegServer
) -> None:
    folder = pose_edge.folder
    os.mkfifo(folder / "pipe")
    with listening() as udp, listening() as osc:
        ports = port_of(udp), port_of(osc)
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--set", "storage.min_free=0"),
            *("--poses", "pipe", "--csv", "p.csv"),
            *("--udp", f"127.0.0.1:{ports[0]}", "--osc", f"localhost:{ports[1]}"),
        )
        log = Log(process)
        log.wait_for("poses: nobody reads pipe")
        assert strict(udp.recv(65_507).decode())["poses"] is not None
        assert OscBundle(osc.recv(65_507)).num_contents >= 4
        for _ in range(2):
            reader = PipeEnd(folder / "pipe")
            for _ in range(3):
                strict(reader.line())
            reader.close()
    log.wait_for(f"udp: nobody listens at 127.0.0.1:{ports[0]}")
    log.wait_for(f"osc: nobody listens at localhost:{ports[1]}")
    with listening(ports[0]) as udp, listening(ports[1]) as osc:
        first = strict(udp.recv(65_507).decode())
        assert OscBundle(osc.recv(65_507)).timestamp == pytest.approx(first["time"], abs=60)
        log.wait_for("udp: going on in")
    with (folder / "p.csv").open(newline="") as table:
        assert len(list(csv.DictReader(table))) > 5
    assert log.end() == 0, log.text


def test_a_reload_switches_outputs_on_and_off(pose_edge: Command, camera: MjpegServer) -> None:
    config = pose_edge.folder / "my.yaml"
    with listening() as first, listening() as second:

        def write(section: str, receiver: socket.socket, more: str = "") -> None:
            key = "target" if section == "udp" else "targets"
            config.write_text(f"{section}:\n  {key}: 127.0.0.1:{port_of(receiver)}\n{more}")

        write("udp", first)
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--config", config)
        )
        log = Log(process)
        assert json.loads(first.recv(65_507))["schema"] == 1
        write("osc", second)
        process.send_signal(signal.SIGHUP)
        assert second.recv(65_507).startswith(b"#bundle\0")
        write("osc", second, "udp:\n  target: nowhere\n")
        process.send_signal(signal.SIGHUP)
        log.wait_for("udp.target: 'nowhere' is not allowed here")
        assert second.recv(65_507).startswith(b"#bundle\0")
    assert log.end() == 0, log.text


def test_lines_say_who_has_come(pose_edge: Command) -> None:
    done = pose_edge(
        *("run", "--source", "demo", "--display", "none", "--poses", "-"),
        *("--max-frames", "40", "--set", "source.pace=false"),
    )
    assert done.status == 0, done.stderr
    records = [strict(line) for line in done.stdout.splitlines()]
    told = [event for record in records for event in record.get("events", ())]
    assert told == [{"type": "person_entered", "id": 1}, {"type": "people", "people": 1}]
    assert (records[0]["people"], records[-1]["people"]) == (0, 1)


def test_lines_and_table_cannot_share_the_standard_output(pose_edge: Command) -> None:
    done = pose_edge("run", "--source", "demo", "--poses", "-", "--csv", "/dev/stdout")
    assert done.status == 2
    assert "--poses and --csv both go to the standard output" in done.stderr


def test_a_table_can_be_printed(pose_edge: Command) -> None:
    done = pose_edge("annotate", "demo", "--csv", "-")
    assert done.status == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert len(rows) > 100
    assert not any(pose_edge.folder.glob("*.mp4")), "nothing was drawn"


def test_the_schema_is_printed(pose_edge: Command) -> None:
    done = pose_edge("schema")
    assert done.status == 0
    assert json.loads(done.stdout)["properties"]["schema"]["const"] == 1


def test_a_port_that_cannot_be_is_refused(pose_edge: Command) -> None:
    done = pose_edge("run", "--source", "demo", "--udp", "127.0.0.1:65536")
    assert done.status == 2
    assert "--udp 127.0.0.1:65536: udp.target" in done.stderr
