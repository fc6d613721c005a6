"""The status of a run in one line, for the log and `systemctl status`."""

from __future__ import annotations

from collections.abc import Iterable

from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import INFERENCE, SOURCE, Event, Telemetry, fault_texts
from pose_edge.util.text import counted


def status_line(
    telemetry: Telemetry, parts: Iterable[Part], screen: str, outputs: Iterable[str] = ()
) -> str:
    """Return the status of a run.

    E.g. "30.0 fps camera, 28.4 fps poses, 41 ms exposure to screen; edgetpu; display HDMI-A-1"
    or "no picture: /dev/video0 is not there (since 12:03:10); tried 3 times; display none".

    Args:
        telemetry: Rates, durations and faults.
        parts: The parts of the run.
        screen: Name of the screen, or "none".
        outputs: Names of the outputs that are switched on.
    """
    faults = telemetry.faults()
    tries = {part.name: part.tries for part in parts}
    source, inference = faults.pop(SOURCE, None), faults.pop(INFERENCE, None)
    names = ", ".join(outputs)
    shown = f"display {screen}; outputs {names}" if names else f"display {screen}"
    others = "".join(f"; {text}" for text in fault_texts(faults))
    if source is not None:
        return f"no picture: {source}{_tried(tries.get(SOURCE, 0))}; {shown}{others}"
    if inference is not None:
        return f"no poses: {inference}{_tried(tries.get(INFERENCE, 0))}; {shown}{others}"
    # Without a screen, this would be the latency of earlier pictures.
    latency = telemetry.summary("latency") if screen != "none" else None
    milliseconds = f", {latency.median:.0f} ms exposure to screen" if latency else ""
    camera, poses = telemetry.rate(Event.CAPTURED), telemetry.rate(Event.PROCESSED)
    place = telemetry.provenance.place if telemetry.provenance else "-"
    return f"{camera:.1f} fps camera, {poses:.1f} fps poses{milliseconds}; {place}; {shown}{others}"


def _tried(times: int) -> str:
    return f"; tried {counted(times, 'time')}" if times else ""
