from __future__ import annotations

import os
from pathlib import Path

import pytest

from pose_edge.util.paths import mount_point


def test_the_nearest_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usb/videos").mkdir(parents=True)
    (tmp_path / "link").symlink_to("usb/videos")
    mounted = {str(tmp_path / "usb"), "/"}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in mounted)
    assert mount_point(tmp_path / "link") == tmp_path / "usb"
    assert mount_point(tmp_path) == Path("/")
