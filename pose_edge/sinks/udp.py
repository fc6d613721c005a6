"""Send each pose line as one UDP datagram."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from pose_edge.config.outputs import UdpSettings
from pose_edge.sinks.datagram_peer import MAX_DATAGRAM, DatagramPeer, open_peers
from pose_edge.sinks.drop_log import DropLog
from pose_edge.sinks.message import PoseMessage, Record
from pose_edge.sinks.network_sink import NetworkSink, OpenWriter
from pose_edge.supervision.supervisor import Supervisor

SHORTER: Final = ((4, 5), (2, 5), (2, 4), (2, 3))
"""Decimal places of (scores, coordinates), tried in this order until a line is short enough. Three
places of a coordinate are about a pixel."""


def udp_sink(
    settings: UdpSettings,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
) -> NetworkSink[UdpSettings]:
    """Return a sink that sends pose lines as datagrams; see `NetworkSink` for the arguments."""
    return NetworkSink("udp", _choose, settings, report=report, supervisor=supervisor)


def _choose(settings: UdpSettings) -> OpenWriter | None:
    target = settings.target
    return None if target is None else lambda: UdpWriter(*open_peers([target]))


class UdpWriter:
    """Sends each message as one datagram that holds a line. A `Writer`.

    Attributes:
        partial_fault: None; see `Writer`.
    """

    partial_fault: str | None = None

    def __init__(self, peer: DatagramPeer) -> None:
        """Initialise the writer of a peer."""
        self._peer = peer
        self._too_long = DropLog("udp", reason="some lines are too long for a datagram")

    @property
    def target(self) -> str | None:
        """The peer, once it is known to be reached."""
        return self._peer.target

    @property
    def waiting(self) -> str | None:
        """Why the peer cannot be reached, or None."""
        return self._peer.waiting

    def write(self, item: PoseMessage) -> bool:
        """Send a line; see `Writer.write`."""
        data = datagram(item)
        if data is None:
            self._too_long.add(1)
            return False
        return self._peer.send(data)

    def tick(self) -> None:
        """Check whether the peer can be reached; see `Writer.tick`."""
        self._peer.tick()

    def close(self) -> None:
        """Close the socket; see `Writer.close`."""
        self._peer.close()


def datagram(message: PoseMessage, limit: int = MAX_DATAGRAM) -> bytes | None:
    """Return the line of a message, with fewer digits if it would be too long.

    Args:
        message: The message.
        limit: Maximum length, bytes.

    Returns:
        One line of JSON, or None when even the shortest is too long.
    """
    if len(message.line) <= limit:
        return message.line
    for scores, coordinates in SHORTER:
        record = _rounded(message.record, scores, coordinates)
        line = f"{json.dumps(record, separators=(',', ':'))}\n".encode()
        if len(line) <= limit:
            return line
    return None


def _rounded(record: Record, scores: int, coordinates: int) -> Record:
    """Return a record with fewer decimal places."""
    poses = []
    for pose in record["poses"]:
        shorter = {
            **pose,
            "score": round(pose["score"], scores),
            "box": [round(edge, coordinates) for edge in pose["box"]],
            "keypoints": [
                [round(x, coordinates), round(y, coordinates), round(score, scores)]
                for x, y, score in pose["keypoints"]
            ],
        }
        if "confidence" in pose:
            shorter["confidence"] = [round(value, scores) for value in pose["confidence"]]
        poses.append(shorter)
    return {**record, "poses": poses}
