"""Changing one setting in a file leaves the rest of the file as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.edit import change_setting
from pose_edge.config.yaml_tree import parse_yaml
from pose_edge.errors import ConfigError
from pose_edge.util import resources


def changed(text: str, value: str = "new-model") -> str:
    return change_setting(text, "model", "name", value)


def test_the_file_that_ships_changes_in_one_line() -> None:
    before = resources.default_config().read_text(encoding="utf-8").splitlines()
    after = changed("\n".join(before) + "\n").splitlines()
    assert len(after) == len(before)
    lines = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(lines) == 1
    old, new = lines[0]
    assert new.startswith("  name: new-model ")
    assert new.index("#") == old.index("#")
    assert new.partition("#")[2] == old.partition("#")[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model:\n  name: x\n", "model:\n  name: new-model\n"),
        ("model:\n  name: x", "model:\n  name: new-model"),
        ("model:\n    name:   x#y   # why\n", "model:\n    name:   new-model  # why\n"),
        ("model:\n  name: 'x # y'\n", "model:\n  name: new-model\n"),
        ('model:\n  "name": "x"  # c\n', 'model:\n  "name": new-model  # c\n'),
        ("model:\n  name:\n", "model:\n  name: new-model\n"),
        ("model:\n  # c\n  threads: 2\n", "model:\n  name: new-model\n  # c\n  threads: 2\n"),
        ("model:\n    threads: 2\n", "model:\n    name: new-model\n    threads: 2\n"),
        ("model:\n", "model:\n  name: new-model\n"),
        ("model:", "model:\n  name: new-model\n"),
        ("", "model:\n  name: new-model\n"),
        ("# c", "# c\nmodel:\n  name: new-model\n"),
        (
            "source:\n  name: x\nmodel:\n  name: y\n",
            "source:\n  name: x\nmodel:\n  name: new-model\n",
        ),
        ("model:\r\n  name: x\r\n", "model:\r\n  name: new-model\r\n"),
    ],
)
def test_a_value_is_changed_or_added(before: str, after: str) -> None:
    assert changed(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "model: {name: x}\n",
        "{model: {name: x}}\n",
        "model:\n  name: >\n    x\n",
        "model:\n  name: &a x\nsource:\n  name: *a\n",
        "model:\n  name: x\n    y\n",
        "model:\n  name: x\n  name: y\n",
        "model: 3\n",
        "a: &m\n  name: x\nmodel: *m\n",
        "model: [x]\n",
        "- x\n",
        "model:\n  name: x\n---\nmodel:\n  name: y\n",
        "model:\n  name: x\n...\n# end",
    ],
)
def test_it_refuses_rather_than_damages(text: str) -> None:
    try:
        found = changed(text)
    except ConfigError:
        return
    before, after = parse_yaml(text), parse_yaml(found)
    assert not after.faults
    assert after.values == {**before.values, "model": {"name": "new-model"}}


def test_an_alias_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"line 2: model\.name cannot be changed here"):
        changed("model:\n  name: &a x\nsource:\n  name: *a\n")


@given(st.text(min_size=1).filter(lambda text: "\0" not in text), st.text(max_size=60))
def test_whatever_the_text_the_rest_stays(value: str, text: str) -> None:
    try:
        found = changed(text, value)
    except ConfigError:
        return
    section = (parse_yaml(text).values or {}).get("model") or {}
    expected = {**parse_yaml(text).values, "model": {**section, "name": value}}
    assert parse_yaml(found).values == expected
