from __future__ import annotations

import pytest

from pose_edge.errors import SourceError, SourceLost
from pose_edge.live.messages import no_picture, no_poses, silent_source
from pose_edge.pipeline.worker_thread import Lost
from pose_edge.sources.network_errors import explain_os_error, explain_status

CAMERA = "rtsp://192.168.1.45/stream"


@pytest.mark.parametrize(
    "error", [TimeoutError(), ConnectionRefusedError(), OSError(113, "No route to host")]
)
@pytest.mark.parametrize("seen", [False, True])
def test_a_camera_that_cannot_be_reached(error: OSError, seen: bool) -> None:
    reason, remedy = explain_os_error(error, "192.168.1.45", 554, 5.0)
    lost = Lost(SourceError(f"stream {CAMERA}: {reason}", remedy=remedy), "12:03:10")
    message = no_picture(CAMERA, "a fault", lost, seen=seen)
    assert message.title == "Cannot reach 192.168.1.45"
    what, check, doing = message.lines
    assert what.lower() == reason.lower()
    assert check.lower() == (remedy or "").lower()
    assert doing == "Trying again since 12:03:10"
    assert CAMERA not in " ".join(message.lines)


def test_a_camera_that_refuses() -> None:
    reason, remedy = explain_status(401, "/stream")
    lost = Lost(SourceError(f"stream {CAMERA}: {reason}", remedy=remedy), "12:03:10")
    message = no_picture(CAMERA, "a fault", lost, seen=False)
    assert message.title == "No picture from 192.168.1.45"
    assert message.lines[0] == "User or password is wrong or missing (401 Unauthorized)"


def test_a_camera_that_was_pulled_out_and_one_that_never_was_there() -> None:
    lost = Lost(SourceLost("camera /dev/video0 was unplugged"), "12:03:10")
    message = no_picture("/dev/video0", "a fault", lost, seen=True)
    assert message.title == "The camera is gone"
    assert message.lines == (
        "Camera /dev/video0 was unplugged",
        "Is the camera plugged in?",
        "Trying again since 12:03:10",
    )
    assert no_picture("/dev/video0", "a", lost, seen=False).title == "Waiting for a camera"


def test_what_is_no_error_of_the_source() -> None:
    opening = no_picture("/dev/video0", "opening /dev/video0", None, seen=False)
    assert opening == ("Waiting for a camera", ("Opening /dev/video0",))
    assert no_picture("x", "x hangs", None, seen=True) == ("No picture", ("X hangs",))
    assert silent_source("/dev/video0", 7.4).lines[0] == "Nothing new for 7 s"
    assert no_poses("the model hangs").lines == ("The model hangs", "Trying again")
