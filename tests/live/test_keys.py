from __future__ import annotations

import re

import pytest
from checkout import REPOSITORY

from pose_edge.config.schema import OverlaySettings
from pose_edge.live.controls import BACKGROUNDS, READOUTS
from pose_edge.live.keys import KEYS


def test_the_documentation_has_the_table_of_the_program() -> None:
    page = (REPOSITORY / "docs" / "keys.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*) \| (.*) \|$", page, re.MULTILINE)
    documented = [(key.replace("`", "").split(), meaning) for key, meaning in rows]
    assert documented == [(key.shown.split(), key.meaning) for key in KEYS]


@pytest.mark.parametrize(("name", "values"), [("background", BACKGROUNDS), ("readout", READOUTS)])
def test_keys_go_through_all_values_of_a_setting(name: str, values: tuple[str, ...]) -> None:
    for value in values:
        assert OverlaySettings.model_validate({name: value})
    schema = OverlaySettings.model_json_schema()["properties"][name]
    assert tuple(schema["enum"]) == values
    (line,) = (key.meaning for key in KEYS if all(value in key.meaning for value in values))
    assert line
