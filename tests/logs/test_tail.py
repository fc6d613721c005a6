from __future__ import annotations

import logging

from pose_edge.logs.tail import LINES, LONGEST_LINE, LogTail
from pose_edge.util.urls import Redactor


def test_the_last_lines_are_kept_without_secrets() -> None:
    tail = LogTail(Redactor(["rtsp://me:secret@camera/"]))
    for number in range(LINES + 5):
        record = {"name": "pose_edge.x", "msg": f"line {number}"}
        tail.handle(logging.makeLogRecord(record))
    tail.handle(
        logging.makeLogRecord({"name": "pose_edge.x", "msg": "rtsp://me:secret@camera/ \x1b[31m"})
    )
    tail.handle(logging.makeLogRecord({"name": "pose_edge.x", "msg": "x" * 5000}))
    assert len(tail.lines) == LINES
    assert "line 7" in tail.lines[0]
    assert "secret" not in "".join(tail.lines)
    assert "\x1b" not in "".join(tail.lines)
    assert len(tail.lines[-1]) == LONGEST_LINE
