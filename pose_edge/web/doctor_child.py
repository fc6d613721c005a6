"""The doctor's report, made by a child process: what it tries may crash, and takes its time."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pose_edge.errors import UnavailableError
from pose_edge.util.child_process import child_environment

LIMIT_S: Final = 60.0
"""Longest time for a report, seconds; the doctor itself ends after 20 s of work."""


async def doctor_findings(config: Path | None) -> list[dict[str, Any]]:
    """Return the findings, without those that need the camera or the model, which are in use.

    Raises:
        UnavailableError: There is no report.
    """
    command = [sys.executable, "-P", "-m", "pose_edge", "doctor", "--json"]
    command += ["--no-camera", "--no-inference", "--log-level", "error"]
    command += [] if config is None else ["--config", str(config)]
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=child_environment(),
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            output, _ = await child.communicate()
        report = json.loads(output)
    except (TimeoutError, ValueError):
        raise UnavailableError("the doctor has not answered") from None
    finally:
        with suppress(ProcessLookupError):
            child.kill()
    return [
        {
            "section": one["section"],
            "name": one["subject"],
            "status": one["verdict"],
            "text": one["text"],
            "remedy": one["remedy"],
        }
        for one in report["findings"]
    ]
