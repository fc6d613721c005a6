"""With the web page enabled, no advice about screens is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pose_edge.config.schema import Settings
from pose_edge.live.audience import find_audience


@pytest.mark.parametrize("sections", [{"web": {"enabled": True}}, {"display": {"kind": "web"}}])
def test_a_page_is_an_audience(tmp_path: Path, sections: dict[str, Any]) -> None:
    settings = Settings.model_validate({"testing": {"sysfs": str(tmp_path)}, **sections})
    assert find_audience(settings, {}, tmp_path) is None
