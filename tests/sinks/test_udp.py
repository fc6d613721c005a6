from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from helpers import GENEROUS_S, make_frame, make_result, person, pose, wait_until
from pose_lines import strict

from pose_edge.config.outputs import UdpSettings
from pose_edge.poses import FloatArray
from pose_edge.sinks.datagram_peer import MAX_DATAGRAM
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.udp import datagram, udp_sink
from pose_edge.supervision.supervisor import Supervisor


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(GENEROUS_S)
        yield opened


def settings_for(receiver: socket.socket) -> UdpSettings:
    return UdpSettings(target=f"127.0.0.1:{receiver.getsockname()[1]}")


def crowd(count: int) -> PoseMessage:
    """Return a message with `count` people, in which no number has few digits."""
    generator = np.random.default_rng(1)

    def somebody() -> FloatArray:
        return generator.uniform(0.1, 0.9, (17, 3)).astype(np.float32)

    people = [
        replace(pose(somebody(), 0.87654), confidence=np.full(17, 0.87654, np.float32))
        for _ in range(count)
    ]
    return PoseMessage.of(make_result(make_frame(index=3), people))


def numbers_of(data: bytes, digits: int) -> int:
    """Return how many numbers have more than `digits` decimals."""
    return len(re.findall(rb"\d\.\d{%d,}" % (digits + 1), data))


def test_each_message_is_a_datagram_of_one_line(receiver: socket.socket) -> None:
    reports: list[str | None] = []
    sink = udp_sink(settings_for(receiver), report=reports.append, supervisor=Supervisor())
    sink.open()
    for index in range(5):
        sink.send(PoseMessage.of(make_result(make_frame(index=index), [pose(person())])))
    lines = [receiver.recv(MAX_DATAGRAM) for _ in range(5)]
    sink.close()
    assert [strict(line.decode())["seq"] for line in lines] == [0, 1, 2, 3, 4]
    assert all(line.endswith(b"\n") for line in lines)
    assert (sink.failures(), reports) == ([], [])


def test_without_a_target_nothing_is_sent(receiver: socket.socket) -> None:
    sink = udp_sink(UdpSettings(), report=lambda _: None)
    sink.open()
    assert not sink.active
    sink.change(settings_for(receiver))
    sink.send(PoseMessage.of(make_result()))
    assert strict(receiver.recv(MAX_DATAGRAM).decode())["poses"] == []
    sink.change(UdpSettings())
    assert not sink.active
    sink.close()


def test_a_line_that_fits_is_sent_as_it_is() -> None:
    message = crowd(2)
    assert datagram(message) is message.line


def test_a_line_that_is_too_long_loses_digits_of_scores_first() -> None:
    message = crowd(12)
    whole = len(message.line)
    spare = datagram(message, whole - 1)
    assert spare is not None
    assert numbers_of(spare, 4) == numbers_of(message.line, 4) > 0, "first only the spaces"
    shorter = datagram(message, len(spare) - 1)
    assert shorter is not None
    record = strict(shorter.decode())
    for found, known in zip(record["poses"], message.record["poses"], strict=True):
        for (x, y, score), (true_x, true_y, true_score) in zip(
            found["keypoints"], known["keypoints"], strict=True
        ):
            assert (x, y) == (true_x, true_y)
            assert score == round(true_score, 2)
    shortest = datagram(message, len(shorter) - 1)
    assert shortest is not None
    assert numbers_of(shortest, 4) == 0
    assert strict(shortest.decode())["poses"][0]["keypoints"][0][0] == pytest.approx(
        message.record["poses"][0]["keypoints"][0][0], abs=1e-4
    )


def test_a_line_that_no_datagram_holds_is_left_out_and_said(
    receiver: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pose_edge.sinks")
    sink = udp_sink(settings_for(receiver), report=lambda _: None)
    sink.open()
    huge = crowd(200)
    assert len(huge.line) > MAX_DATAGRAM
    assert datagram(huge) is None
    for message in (huge, huge, crowd(1)):
        sink.send(message)
    assert len(strict(receiver.recv(MAX_DATAGRAM).decode())["poses"]) == 1
    wait_until(lambda: sink.written == 1)
    sink.close()
    assert sink.lost == 2
    assert sink.failures() == [], "most of a run has arrived"
    assert caplog.text.count("udp: some lines are too long for a datagram") == 1


def test_a_run_of_which_nothing_was_sent_has_failed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        settings = settings_for(unused)
        sink = udp_sink(settings, report=lambda _: None)
        sink.open()
        sink.send(crowd(200))
        sink.close()
    assert sink.failures() == ["udp: nothing was sent: no peer was there in time"]
