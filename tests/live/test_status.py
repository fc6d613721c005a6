from __future__ import annotations

from pose_edge.live.status import status_line
from pose_edge.poses import Provenance
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.telemetry import Telemetry


def test_rates_latency_backend_and_screen() -> None:
    telemetry = Telemetry()
    telemetry.processed({}, Provenance("m", "edgetpu"), person=False)
    telemetry.add({"latency": 41.4})
    line = status_line(telemetry, [], "none")
    assert line == "0.0 fps camera, 0.0 fps poses; edgetpu; display none"  # nothing shown
    line = status_line(telemetry, [], "HDMI-A-1")
    assert line == (
        "0.0 fps camera, 0.0 fps poses, 41 ms exposure to screen; edgetpu; display HDMI-A-1"
    )


def test_outputs_are_named() -> None:
    line = status_line(Telemetry(), [], "none", ["poses", "udp"])
    assert line == "0.0 fps camera, 0.0 fps poses; -; display none; outputs poses, udp"


def test_a_missing_camera_and_how_often_it_was_tried() -> None:
    telemetry, supervisor = Telemetry(), Supervisor()
    source = supervisor.add("source")
    for _ in range(3):
        source.waiting("no camera", within=1)
    telemetry.set_fault("source", "no camera (since 12:00:00)")
    telemetry.set_fault("recording", "No space left on device")
    telemetry.set_fault("poses", "No space left on device")
    assert status_line(telemetry, supervisor.parts, "none") == (
        "no picture: no camera (since 12:00:00); tried 3 times; display none"
        "; recording, poses: No space left on device"
    )


def test_a_model_that_fails() -> None:
    telemetry = Telemetry()
    telemetry.set_fault("inference", "it hangs, and is replaced")
    assert status_line(telemetry, [], "none").startswith("no poses: it hangs, and is replaced; ")
