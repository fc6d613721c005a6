"""OSC messages, as received by python-osc's server."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import pytest
from helpers import GENEROUS_S, make_frame, make_result, noise, pose, wait_until
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.parsing.ntp import IMMEDIATELY

from pose_edge.config.outputs import OscSettings
from pose_edge.errors import UnavailableError
from pose_edge.poses import Pose
from pose_edge.sinks.datagram_peer import RETRY_S
from pose_edge.sinks.message import PoseMessage, Record
from pose_edge.sinks.osc import bundles, osc_sink
from pose_edge.supervision.supervisor import Supervisor

Received = tuple[str, list[Any]]


class OscReceiver:
    """A python-osc server that keeps what it receives."""

    def __init__(self) -> None:
        self.messages: SimpleQueue[Received] = SimpleQueue()
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(lambda address, *values: self._take(address, values))
        self.server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
        self.port = int(self.server.server_address[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self._thread.start()

    def _take(self, address: str, values: tuple[Any, ...]) -> None:
        self.messages.put((address, list(values)))

    def take(self, count: int) -> list[Received]:
        return [self.messages.get(timeout=GENEROUS_S) for _ in range(count)]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[OscReceiver]:
    opened = OscReceiver()
    yield opened
    opened.close()


def message(
    *poses: Pose,
    live: bool = False,
    moment: float = 1.5,
    events: tuple[Record, ...] = (),
) -> PoseMessage:
    frame = replace(make_frame(noise(200, 100), index=12, moment=moment), live=live)
    return PoseMessage.of(make_result(frame, poses), events=events)


def contents(data: bytes) -> list[Received]:
    return [
        (one.address, list(one.params)) for one in OscBundle(data) if isinstance(one, OscMessage)
    ]


def test_a_receiver_gets_an_address_per_keypoint(receiver: OscReceiver) -> None:
    sink = osc_sink(
        OscSettings(targets=receiver.address), report=lambda _: None, supervisor=Supervisor()
    )
    sink.open()
    sink.send(message(replace(pose(), id=7)))
    received = receiver.take(4 + 3 + 17)
    sink.close()
    assert received[:4] == [
        ("/frame", [12]),
        ("/videoWidth", [200]),
        ("/videoHeight", [100]),
        ("/nPoses", [1]),
    ]
    assert received[4] == ("/poses/0/id", [7])
    assert received[5][0] == "/poses/0/score"
    assert received[6] == ("/poses/0/predicted", [0])
    assert received[7] == ("/poses/0/nose", [0.5, pytest.approx(0.2), pytest.approx(0.9)])
    assert "/poses/0/leftWrist" in dict(received)
    assert received[-1][0] == "/poses/0/rightAnkle"


def test_a_receiver_of_lists_gets_one_per_frame(receiver: OscReceiver) -> None:
    settings = OscSettings(targets=receiver.address, layout="arr", coordinates="pixels")
    sink = osc_sink(settings, report=lambda _: None, supervisor=Supervisor())
    sink.open()
    for one in (message(pose(), pose()), message()):
        sink.send(one)
    (address, values), (_address, nobody) = receiver.take(2)
    sink.close()
    assert address == "/poses/arr"
    assert values[:3] == [200, 100, 2]
    assert all(isinstance(value, int) for value in values[:3]), "as PoseOSC sends them"
    assert len(values) == 3 + 2 * (1 + 17 * 3)
    assert values[3:7] == pytest.approx([0.9, 100, 20, 0.9])
    assert nobody == [200, 100, 0]


def test_several_receivers_of_which_one_is_not_there(
    receiver: OscReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    second = OscReceiver()
    reports: list[str | None] = []
    try:
        gone = OscReceiver()
        gone.close()
        targets = f"{gone.address}, {receiver.address},{second.address}"
        sink = osc_sink(
            OscSettings(targets=targets), report=reports.append, supervisor=Supervisor()
        )
        sink.open()
        for _ in range(3):
            sink.send(message())
        for one in (receiver, second):
            assert [address for address, _ in one.take(12)].count("/nPoses") == 3
        wait_until(lambda: sink.written == 3)
        fault = f"nobody listens at {gone.address}"
        wait_until(lambda: reports == [fault])
        time.sleep(1.5 * RETRY_S)
        sink.send(message())
        assert receiver.take(4)
        assert reports == [fault], "it is said once"
        assert caplog.messages.count(f"osc: {fault}") == 1
        back = BlockingOSCUDPServer(("127.0.0.1", gone.port), Dispatcher())

        def reached() -> bool:
            sink.send(message())
            return reports == [fault, None]

        wait_until(reached)
        back.server_close()
        sink.close()
        assert sink.failures() == []
    finally:
        second.close()


def test_the_time_tag_is_that_of_the_exposure() -> None:
    moment = time.time() - 0.25
    (live,) = bundles(message(live=True, moment=moment), OscSettings())
    assert OscBundle(live).timestamp == pytest.approx(moment, abs=1e-5)
    (played,) = bundles(message(), OscSettings())
    assert played[8:16] == IMMEDIATELY


def test_people_come_in_the_order_of_their_ids() -> None:
    people = [replace(pose(), id=number) for number in (3, None, 1)]
    (data,) = bundles(message(*people), OscSettings())
    ids = [values for address, values in contents(data) if address.endswith("/id")]
    assert ids == [[1], [3], [-1]]


def test_a_predicted_pose_is_marked() -> None:
    people = [replace(pose(), id=1), replace(pose(), id=2, predicted=True)]
    (data,) = bundles(message(*people), OscSettings())
    received = dict(contents(data))
    assert received["/poses/0/predicted"] == [0]
    assert received["/poses/1/predicted"] == [1]


@pytest.mark.parametrize("layout", ["addr", "arr"])
def test_events_have_addresses_of_their_own(layout: Any) -> None:  # noqa: ANN401
    events: tuple[Record, ...] = (
        {"type": "person_entered", "id": 2},
        {"type": "person_left", "id": 1, "seconds": 12.5},
        {"type": "people", "people": 1},
    )
    (data,) = bundles(message(pose(), events=events), OscSettings(layout=layout))
    received = dict(contents(data))
    assert received["/event/person_entered"] == [2]
    assert received["/event/person_left"] == [1, 12.5]
    assert received["/event/people"] == [1]


def test_a_bundle_that_is_too_long_is_split_between_people() -> None:
    people = [replace(pose(), id=number) for number in range(1, 6)]
    (whole,) = bundles(message(*people), OscSettings())
    parts = list(bundles(message(*people), OscSettings(), limit=len(whole) // 2))
    assert len(parts) == 3
    assert all(len(part) <= len(whole) // 2 for part in parts)
    assert [item for part in parts for item in contents(part)] == contents(whole)
    for part in parts:
        addresses = [address for address, _ in contents(part)]
        assert sum(address.endswith("/nose") for address in addresses) == sum(
            address.endswith("/rightAnkle") for address in addresses
        ), "nobody is cut"


def test_one_person_and_a_list_are_never_cut() -> None:
    assert len(list(bundles(message(pose(), pose()), OscSettings(layout="arr"), limit=100))) == 1
    assert len(list(bundles(message(pose()), OscSettings(), limit=100))) == 2, "frame and person"


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    sink = osc_sink(OscSettings(), report=lambda _: None)
    with pytest.raises(UnavailableError, match=r"pip install 'pose-edge\[osc\]'"):
        sink.check(OscSettings(targets="127.0.0.1:9000"))
    with pytest.raises(UnavailableError, match="needs the package python-osc"):
        osc_sink(OscSettings(targets="127.0.0.1:9000"), report=lambda _: None)
