"""How a run goes, in one line, for the log and `systemctl status`."""

from __future__ import annotations

from collections.abc import Iterable

from pose_edge.supervision.supervisor import Status
from pose_edge.telemetry import Telemetry


def status_line(telemetry: Telemetry, parts: Iterable[Status], screen: str) -> str:
    """Say how a run goes.

    Args:
        telemetry: Its numbers and faults.
        parts: Of the supervisor.
        screen: What is shown on, or "none".

    Returns:
        E.g. "30.0 fps camera, 28.4 fps poses, 41 ms exposure to screen; edgetpu; display HDMI-A-1"
        or "no picture: /dev/video0 is not there (since 12:03:10); tried 3 times; display none".
    """
    faults = telemetry.faults()
    tries = {part.name: part.tries for part in parts}
    source, inference = faults.pop("source", None), faults.pop("inference", None)
    shown = f"display {screen}"
    others = "".join(f"; {part}: {fault}" for part, fault in faults.items())
    if source is not None:
        return f"no picture: {source}{_tried(tries.get('source', 0))}; {shown}{others}"
    if inference is not None:
        return f"no poses: {inference}{_tried(tries.get('inference', 0))}; {shown}{others}"
    # Without a screen nothing is exposed to one: the times of before are true no more.
    latency = telemetry.summary("latency") if screen != "none" else None
    milliseconds = f", {latency.median:.0f} ms exposure to screen" if latency else ""
    return (
        f"{telemetry.rate('camera'):.1f} fps camera, {telemetry.rate('inference'):.1f} fps poses"
        f"{milliseconds}; {telemetry.place}; {shown}{others}"
    )


def _tried(times: int) -> str:
    return f"; tried {times} times" if times else ""
