from __future__ import annotations

from pathlib import Path

from pose_edge.util.systemd import is_booted, unit_properties


def test_properties() -> None:
    asked: list[tuple[str, ...]] = []

    def ask(*command: str) -> str:
        asked.append(command)
        return "LoadState=loaded\nStatusText=a=b, c\nResult=\n"

    assert unit_properties(ask) == {"LoadState": "loaded", "StatusText": "a=b, c", "Result": ""}
    ((program, verb, properties, unit),) = asked
    assert (program, verb, unit) == ("systemctl", "show", "pose-edge.service")
    assert properties.startswith("--property=LoadState,ActiveState,")
    assert unit_properties(lambda *_command: "") == {}


def test_where_systemd_runs(tmp_path: Path) -> None:
    assert not is_booted(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert is_booted(tmp_path)
