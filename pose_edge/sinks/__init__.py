"""Sinks: where results go besides the screen, each with a thread and a bounded queue of its own.

* `restarting_sink` is what every sink is: a queue and a thread that runs a `Writer`, with a new
  writer when one fails or hangs.
* `message` is what sinks get of a result. All sinks of a run share it, and with it its JSON.
* `network_sink` sends messages to peers: the newest win. `udp` and `osc` say what is sent;
  `datagram_peer` finds the peer, and finds it again.
* `file_sink` writes files: `segment_writer` is its writer, `segment_files` creates the files and
  keeps them within bounds, `name_pattern` names them. `recorder` (MP4), `jsonl` (JSON lines)
  and `csv_table` say what is written into them. `pipe_writer` takes the place of the files where
  the path is a named pipe.
* `output_guard` refuses outputs that would destroy something, before anything is opened.

May import errors, util, frames, poses, config, activity, logs, supervision, telemetry, and of
sources `spec`, `ffmpeg` and `timeline`.

A new sink is one file with a function like `recorder` or `pose_file`, and one entry in
`live/outputs.py`, where the sinks of a run are listed. For a network it holds one `Writer`, and
returns a `NetworkSink`; for a file it holds one `Encoder`, and returns a `FileSink`.
"""

from __future__ import annotations

from typing import Protocol

from pose_edge.poses import Result


class Sink(Protocol):
    """Takes the results of a pipeline."""

    def send(self, result: Result, /) -> None:
        """Take a result; returns at once for live sources, and keeps nothing of its frame."""
