"""Send poses as Open Sound Control (OSC) bundles, for sound and light programs.

docs/osc.md describes the addresses. Those of the layout `arr` and the first ones of `addr` are
those of PoseOSC, which many patches understand.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from pose_edge.config.outputs import OscSettings
from pose_edge.errors import UnavailableError
from pose_edge.poses import Keypoint, Pose
from pose_edge.sinks.datagram_peer import MAX_DATAGRAM, DatagramPeer, open_peers
from pose_edge.sinks.drop_log import DropLog
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.network_sink import NetworkSink, OpenWriter
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.util.extras import extra_command

OscValue: TypeAlias = int | float
OscItem: TypeAlias = tuple[str, Sequence[OscValue]]
"""Address and arguments of one message."""

NO_ID: Final = -1
"""The id that is sent for a person who is not tracked."""
MAX_INT: Final = 2**31
"""Frame numbers wrap to 0 here: OSC integers are signed and have 32 bits."""

NAMES: Final = tuple(
    "".join([first, *(word.capitalize() for word in rest)])
    for first, *rest in (keypoint.name.lower().split("_") for keypoint in Keypoint)
)
"""Names of the keypoints as PoseNet and PoseOSC write them, e.g. leftWrist."""


def osc_sink(
    settings: OscSettings,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
) -> NetworkSink[OscSettings]:
    """Return a sink that sends OSC messages; see `NetworkSink` for the arguments."""
    return NetworkSink("osc", _choose, settings, report=report, supervisor=supervisor)


def _choose(settings: OscSettings) -> OpenWriter | None:
    targets = settings.targets
    if targets is None:
        return None
    if importlib.util.find_spec("pythonosc") is None:
        raise UnavailableError(
            "Open Sound Control needs the package python-osc",
            remedy=f"install it with {extra_command('osc')}",
        )
    return lambda: OscWriter(open_peers(targets.split(",")), settings)


class OscWriter:
    """Sends messages to all peers. A `Writer`, `waiting` only while no peer can be reached."""

    def __init__(self, peers: Sequence[DatagramPeer], settings: OscSettings) -> None:
        """Initialise the writer with its peers, and the layout and unit of its messages."""
        self._peers = peers
        self._settings = settings
        self._faults: dict[DatagramPeer, str] = {}
        self._too_long = DropLog("osc", reason="some messages are too long for a datagram")

    @property
    def target(self) -> str | None:
        """The peers that are known to be reached, or None."""
        return ", ".join(peer.target for peer in self._peers if peer.target) or None

    @property
    def waiting(self) -> str | None:
        """Why none of the peers can be reached, or None."""
        reasons = [peer.waiting for peer in self._peers if peer.waiting]
        return "; ".join(reasons) if len(reasons) == len(self._peers) else None

    @property
    def partial_fault(self) -> str | None:
        """Which peers cannot be reached, and why, or None."""
        return "; ".join(self._faults[peer] for peer in self._peers if peer in self._faults) or None

    def write(self, item: PoseMessage) -> bool:
        """Send the bundles of a frame; see `Writer.write`."""
        complete = True
        for data in bundles(item, self._settings):
            if len(data) > MAX_DATAGRAM:
                self._too_long.add(1)
                complete = False
                continue
            sent = [peer.send(data) for peer in self._peers]
            complete = complete and any(sent)
        return complete

    def tick(self) -> None:
        """Check which peers can be reached; see `Writer.tick`."""
        for peer in self._peers:
            peer.tick()
            # A peer that is tried again is at fault until it is known to be reached.
            if peer.waiting is not None:
                self._faults[peer] = peer.waiting
            elif peer.target is not None:
                self._faults.pop(peer, None)

    def close(self) -> None:
        """Close the sockets; see `Writer.close`."""
        for peer in self._peers:
            peer.close()


def bundles(
    message: PoseMessage, settings: OscSettings, limit: int = MAX_DATAGRAM
) -> Iterator[bytes]:
    """Yield the bundles of a frame: a single one, if it fits into a datagram.

    The time tag is the time of exposure; for a source that is a file it means "immediately".

    Args:
        message: The message.
        settings: Layout and unit of the coordinates.
        limit: Largest size of a bundle, bytes. A person who does not fit begins another bundle; one
            person, and the list of the layout `arr`, are never split.
    """
    from pythonosc.parsing import osc_types

    moment = message.time if message.live else osc_types.IMMEDIATELY
    head = b"#bundle\0" + osc_types.write_date(moment)
    groups = [
        b"".join(_encode(osc_types.write_string, item) for item in group)
        for group in grouped_messages(message, settings)
    ]
    waiting, size = [head], len(head)
    for group in groups:
        if len(waiting) > 1 and size + len(group) > limit:
            yield b"".join(waiting)
            waiting, size = [head], len(head)
        waiting.append(group)
        size += len(group)
    yield b"".join(waiting)


def _encode(write_string: Callable[[str], bytes], item: OscItem) -> bytes:
    """Return a message as it is encoded in a bundle, preceded by its length.

    The message builder of python-osc is not used: it parses each message again, and so takes ten
    times as long, half a millisecond per person.
    """
    address, values = item
    tags = "".join("i" if isinstance(value, int) else "f" for value in values)
    # The type tags of OSC are also the format characters of `struct`; OSC is big-endian.
    data = write_string(address) + write_string(f",{tags}") + struct.pack(f">{tags}", *values)
    return struct.pack(">i", len(data)) + data


def grouped_messages(message: PoseMessage, settings: OscSettings) -> list[list[OscItem]]:
    """Return the messages of a frame: one group for the frame, then for `addr` one per person.

    People are sorted by id, so that an index in an address means the same person from frame to
    frame, until somebody with a lower id leaves.

    Args:
        message: The message.
        settings: Layout and unit of the coordinates.
    """
    pixels = settings.coordinates == "pixels"
    width, height = (message.width, message.height) if pixels else (1, 1)
    people = sorted(message.poses, key=lambda pose: (pose.id is None, pose.id or 0))
    events = list(_events(message))
    if settings.layout == "arr":
        values: list[OscValue] = [message.width, message.height, len(people)]
        for pose in people:
            values.append(float(pose.score))
            for x, y, score in pose.keypoints.tolist():
                values += (x * width, y * height, score)
        return [[("/poses/arr", values), *events]]
    frame: list[OscItem] = [
        ("/frame", [message.index % MAX_INT]),
        ("/videoWidth", [message.width]),
        ("/videoHeight", [message.height]),
        ("/nPoses", [len(people)]),
        *events,
    ]
    each = (_person(f"/poses/{index}", pose, width, height) for index, pose in enumerate(people))
    return [frame, *each]


def _person(start: str, pose: Pose, width: int, height: int) -> list[OscItem]:
    points = zip(NAMES, pose.keypoints.tolist(), strict=True)
    return [
        (f"{start}/id", [NO_ID if pose.id is None else pose.id]),
        (f"{start}/score", [float(pose.score)]),
        (f"{start}/predicted", [int(pose.predicted)]),
        *((f"{start}/{name}", [x * width, y * height, score]) for name, (x, y, score) in points),
    ]


def _events(message: PoseMessage) -> Iterator[OscItem]:
    """Yield the events, e.g. /event/person_left with the id and the length of stay, seconds."""
    for event in message.events:
        values = [value for key, value in event.items() if key != "type"]
        yield f"/event/{event['type']}", values
