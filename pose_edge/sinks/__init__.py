"""Sinks: where results go besides the screen, each with a thread and a bounded queue of its own.

* `restarting_sink` is what every sink is: a queue and a thread that runs a `Writer`, with a new
  writer when one fails or hangs.
* `file_sink` writes files: `segment_writer` is its writer, `segment_files` creates the files and
  keeps them within bounds, `name_pattern` names them. `recorder` (MP4) and `jsonl` (JSON lines)
  say what is written into them.
* `output_guard` refuses outputs that would destroy something, before anything is opened.

May import errors, util, frames, poses, config, logs, supervision, telemetry, and of sources
`spec`, `ffmpeg` and `timeline`.

A new sink is one file with a function like `recorder` or `pose_file`, and one line in
`live/run.py`, where the sinks of a run are opened. For a network it holds one `Writer`, and returns
``RestartingSink(name, pose_record, make, ...)``; for a file it holds one `Encoder`, and returns a
`FileSink`.
"""

from __future__ import annotations

from typing import Protocol

from pose_edge.poses import Result


class Sink(Protocol):
    """Takes results."""

    @property
    def failed(self) -> str | None:
        """Why nothing is written now, or None; with a supervisor, the sink recovers."""

    @property
    def lost(self) -> int:
        """Results left out because the output had failed, or had to wait."""

    def open(self) -> None:
        """Start writing.

        Raises:
            OutputError: The target can never be written to.
        """

    def send(self, result: Result, /) -> None:
        """Take a result; returns at once for live sources, and keeps nothing of its frame."""

    def close(self) -> None:
        """Finish what was sent, and close."""
