"""The doctor's report, made by a child process, because its checks may crash and are slow."""

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
"""Timeout of a report, seconds; the doctor limits its own work to 20 s."""


async def doctor_findings(config: Path | None) -> list[dict[str, Any]]:
    """Return the doctor's findings as JSON values.

    Checks that need the camera or the model are left out, because the run is using both.

    Args:
        config: The configuration file, or None for the default one.

    Raises:
        UnavailableError: The doctor returned no report, or not in time.
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
