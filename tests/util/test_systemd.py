from __future__ import annotations

from pathlib import Path

from pose_edge.util.systemd import is_booted, parse_properties, show_command


def test_properties() -> None:
    command = ("systemctl", "show", "--property=LoadState,StatusText", "pose-edge.service")
    assert show_command("LoadState", "StatusText") == command
    output = "LoadState=loaded\nStatusText=a=b, c\nResult=\n"
    assert parse_properties(output) == {"LoadState": "loaded", "StatusText": "a=b, c", "Result": ""}
    assert parse_properties("") == {}


def test_where_systemd_runs(tmp_path: Path) -> None:
    assert not is_booted(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert is_booted(tmp_path)
