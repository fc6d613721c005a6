"""Choosing the mode of a camera module, from its modes alone."""

from __future__ import annotations

from typing import Any

import pytest
from csi_bench import IMX219, IMX708
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.sources.csi import USB_ID, choose_mode, explain


def modes(camera: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a sensor's modes in picamera2's form."""
    return [
        {"size": tuple(size), "bit_depth": bits, "fps": fps, "crop_limits": tuple(crop)}
        for size, bits, fps, crop in camera["modes"]
    ]


@pytest.mark.parametrize(
    ("camera", "size", "fps", "chosen"),
    [
        (IMX708, (1280, 720), 30, (2304, 1296)),
        (IMX708, (1280, 720), 100, (1536, 864)),  # the only mode fast enough
        (IMX708, (2592, 1944), 10, (4608, 2592)),
        (IMX708, (4608, 2592), 30, (2304, 1296)),  # the rate has priority
        (IMX219, (1280, 720), 30, (1640, 1232)),
        (IMX219, (640, 480), 30, (1640, 1232)),
        (IMX219, (1920, 1080), 30, (1640, 1232)),  # full view, slightly enlarged
        (IMX219, (1920, 1080), 15, (3280, 2464)),
        (IMX219, (640, 480), 90, (640, 480)),
        (IMX219, (640, 480), 240, (640, 480)),  # the fastest there is
    ],
)
def test_the_whole_view_at_the_wanted_rate(
    camera: dict[str, Any], size: tuple[int, int], fps: float, chosen: tuple[int, int]
) -> None:
    mode = choose_mode(modes(camera), size, fps)
    assert mode is not None
    assert mode["size"] == chosen


def test_of_equal_modes_the_finer_one_is_taken() -> None:
    eight = {"size": (1640, 1232), "bit_depth": 8, "fps": 80.0, "crop_limits": (0, 0, 3280, 2464)}
    mode = choose_mode([eight, eight | {"bit_depth": 10, "fps": 41.0}], (1280, 720), 30)
    assert mode is not None
    assert mode["bit_depth"] == 10


def test_without_modes_picamera2_chooses() -> None:
    assert choose_mode([], (640, 480), 30) is None
    assert choose_mode([{"format": "MJPEG"}], (640, 480), 30) is None


@given(
    size=st.tuples(st.integers(64, 5000), st.integers(64, 5000)),
    fps=st.floats(0.1, 240, allow_nan=False),
    camera=st.sampled_from([IMX219, IMX708]),
)
def test_no_faster_mode_sees_more(
    size: tuple[int, int], fps: float, camera: dict[str, Any]
) -> None:
    known = modes(camera)
    mode = choose_mode(known, size, fps)
    assert mode is not None
    fastest = max(one["fps"] for one in known)
    assert mode["fps"] >= min(fps, fastest) * 0.98
    assert mode in known


@pytest.mark.parametrize(
    ("camera_id", "usb"),
    [
        ("/base/soc/i2c0mux/i2c@1/imx708@1a", False),
        ("/base/axi/pcie@1000120000/rp1/i2c@88000/imx219@10", False),
        ("/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.2:1.0-046d:0825", True),
        ("\\_SB_.PCI0.XHC_.RHUB.HS08-8:1.0-04f2:b604", True),
    ],
)
def test_usb_cameras_are_told_by_their_id(camera_id: str, usb: bool) -> None:
    assert bool(USB_ID.search(camera_id)) == usb


def test_the_reason_is_the_innermost_error() -> None:
    outer = RuntimeError("Camera __init__ sequence did not complete.")
    outer.__context__ = RuntimeError("Failed to acquire camera: Device or resource busy")
    reason, remedy = explain(outer)
    assert reason.startswith("another program is using it")
    assert "fuser" in (remedy or "")
    reason, remedy = explain(OSError("Cannot allocate memory"))
    assert reason == "Cannot allocate memory"
    assert "need less memory" in (remedy or "")
    assert explain(TimeoutError()) == ("TimeoutError", None)
