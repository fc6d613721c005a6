from __future__ import annotations

from pathlib import Path

from pose_edge.util.extras import extra_command


def test_the_service_adds_an_extra_by_its_own_command(tmp_path: Path) -> None:
    environment = tmp_path / "versions" / "0.2.0-1"
    environment.mkdir(parents=True)
    assert extra_command("web", str(environment)) == "`pip install 'pose-edge[web]'`"
    (tmp_path / "current").symlink_to("versions/0.2.0-1")
    wanted = "`sudo pose-edge service install --extra web`"
    assert extra_command("web", str(environment)) == wanted
