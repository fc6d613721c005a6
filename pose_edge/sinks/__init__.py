"""Sinks: the outputs of results besides the screen, each with its own thread and bounded queue.

* `restarting_sink` is the base of every sink: a queue and a thread that runs a `Writer`. A writer
  that fails or hangs is replaced by a new one.
* `message` is what sinks receive for each result. All sinks of a run share the message, so its JSON
  is encoded only once.
* `network_sink` sends messages to peers, and drops the oldest ones when a peer is slow. `udp`,
  `osc` and `mqtt` define what is sent; `datagram_peer` looks up a peer, again after each failure.
* `file_sink` writes files: `segment_writer` is its writer, `segment_files` creates the files and
  limits their total size, `name_pattern` names them. `recorder` (MP4), `jsonl` (JSON lines) and
  `csv_table` define their content. `pipe_writer` is the writer where the path is a named pipe.
* `output_guard` refuses outputs that would destroy something, before anything is opened.

May import errors, util, frames, poses, config, activity, logs, supervision, telemetry, zoo, and
of sources `spec`, `ffmpeg` and `timeline`.

A new sink is one file with a function like `recorder` or `pose_file`, and one entry in
`live/outputs.py`, where the sinks of a run are listed. A network sink implements a `Writer` and
returns a `NetworkSink`; a file sink implements an `Encoder` and returns a `FileSink`.
"""

from __future__ import annotations

from typing import Protocol

from pose_edge.poses import Result


class Sink(Protocol):
    """Receives the results of a pipeline."""

    def send(self, result: Result, /) -> None:
        """Accept a result; keep no reference to its frame, and return at once for live sources."""
