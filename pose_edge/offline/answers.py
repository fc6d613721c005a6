"""Caches the answers of models in a file, so that an interrupted evaluation can be resumed."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pose_edge.errors import OutputError
from pose_edge.offline.coco import CocoResult
from pose_edge.sinks.segment_files import lock

_LINE_START: Final = b'{"key": "'


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True)

    key: str
    poses: list[CocoResult]
    inference_ms: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None


class Answers:
    """A cache of answers by key. With a file, new answers are appended to it."""

    def __init__(self, path: Path | None) -> None:
        """Open and lock the file, if any, and read the answers of earlier runs.

        Args:
            path: File with one JSON object in each line; None to keep the answers in memory only.

        Raises:
            OutputError: The file cannot be opened, holds something other than answers, or is being
                written by another program.
        """
        self._known: dict[str, dict[str, Any]] = {}
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            with ExitStack() as undo:
                file = undo.enter_context(path.open("a", encoding="utf-8", buffering=1))
                lock(file.fileno())
                self._read(path)
                undo.pop_all()
        except BlockingIOError as error:
            raise OutputError(f"another program is writing {path}") from error
        except OSError as error:
            raise OutputError(f"answers cannot be kept in {path}: {error.strerror}") from error
        self._file = file

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer for a key, or None if there is none yet."""
        return self._known.get(key)

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Add an answer.

        Raises:
            OutputError: The answer cannot be written to the file.
        """
        self._known[key] = answer
        if self._file is not None:
            try:
                self._file.write(json.dumps({"key": key, **answer}) + "\n")
            except OSError as error:
                raise OutputError(f"answers cannot be kept: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        end = content.rfind(b"\n") + 1
        if not content[end:].startswith(_LINE_START[: len(content) - end]):
            raise OutputError(f"{path} is not a file of answers; left unchanged")
        for line in content[:end].splitlines():
            try:
                answer = _Answer.model_validate_json(line).model_dump()
            except ValidationError as error:
                raise OutputError(f"{path} is not a file of answers; left unchanged") from error
            self._known[answer.pop("key")] = answer
        os.truncate(path, end)  # drop an incomplete last line; it is measured again
