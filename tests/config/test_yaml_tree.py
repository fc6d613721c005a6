from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.yaml_tree import parse_scalar, parse_yaml

SCALARS: list[tuple[str, Any]] = [
    ("true", True),
    ("false", False),
    ("True", "True"),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("null", None),
    ("~", None),
    ("", None),
    ("Null", "Null"),
    ("12", 12),
    ("-12", -12),
    ("+12", 12),
    ("010", 10),
    ("0640", 640),
    ("08", 8),
    ("0x1F", "0x1F"),
    ("1_000", "1_000"),
    ("1:30", "1:30"),
    ("1.5", 1.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("-1e-3", -0.001),
    ("1e3", 1000.0),
    ("1e", "1e"),
    ("2024-01-01", "2024-01-01"),
    ("'on'", "on"),
    ('"12"', "12"),
    ("rtsp://cam:554/x", "rtsp://cam:554/x"),
    ("[1, on]", [1, "on"]),
    ("<<", "<<"),
    ("=", "="),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_of_yaml_1_2(text: str, value: object) -> None:
    tree = parse_yaml(f"key: {text}\n")
    assert not tree.faults
    assert tree.values == {"key": value}
    assert type(tree.values["key"]) is type(value)
    assert parse_scalar(text) == value


def test_lines_and_nesting() -> None:
    tree = parse_yaml("# a comment\n\nmodel:\n  name: x\n\n  threads: 2\ncamera: {fps: 3}\nlog:\n")
    assert tree.values == {
        "model": {"name": "x", "threads": 2},
        "camera": {"fps": 3},
        "log": None,
    }
    assert tree.lines == {
        ("model",): 3,
        ("model", "name"): 4,
        ("model", "threads"): 6,
        ("camera",): 7,
        ("camera", "fps"): 7,
        ("log",): 8,
    }


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n", "---\n", "null\n", "~"])
def test_nothing_is_no_fault(text: str) -> None:
    tree = parse_yaml(text)
    assert (tree.values, tree.faults) == ({}, [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a: given twice (first in line 1)"),
        ("a:\n  b: 1\n  b: 1\n", 3, "a.b: given twice (first in line 2)"),
        ("a: 1\n- b\n", 2, "not YAML"),
        ("a: 'open\n", 2, "not YAML"),
        ("- a\n- b\n", 1, "expected sections"),
        ("just words\n", 1, "expected sections"),
        ("a: 1\n[1, 2]: 3\n", 2, "a key must be a plain word"),
        ("a: 1\n---\nb: 1\n", 2, "not YAML: a second document begins here (---)"),
        ("a:\n\tb: 1\n", 2, "not YAML: a tab; indent with spaces"),
        ("\na: *nowhere\n", 2, "not YAML"),
        ("\na: !!int ''\n", 2, "a: "),
        ("\na: !!int x\n", 2, "a: "),
        ("\na: !!float ''\n", 2, "a: "),
        ("\na: !!bool maybe\n", 2, "a: "),
        ("\na: !!timestamp never\n", 2, "a: "),
        ("\na: !!python/object:os.system x\n", 2, "a: "),
        ("a: \x00\n", 1, "not YAML"),
        ("a: 1\nb: \x01\n", 2, "not YAML"),
        ("a: &a {b: *a}\n", 1, "not YAML"),
        ("a: " + "[" * 5000, 1, "not YAML"),
        ("a:\n  - " + "- " * 40 + "b", 2, "not YAML: nested too deeply"),
        ('a: 1\nb:\n  "\\ud800": 1\n', 3, "not YAML: character U+D800 is not allowed"),
        ('a: 1\nb: ["x", "y\\udfff"]\n', 2, "not YAML: character U+DFFF is not allowed"),
        ('a: "x\\0y"\n', 1, "not YAML: character U+0000 is not allowed"),
        ("a: &a [*a]", 1, "not YAML: its aliases (*name) multiply without end"),
        ("a: " + "9" * 5000, 1, "a: "),
    ],
)
def test_faults_have_their_line(text: str, line: int, message: str) -> None:
    ((found_line, found),) = parse_yaml(text).faults
    assert found_line == line
    assert found.startswith(message)
    assert "\n" not in found


def test_what_is_right_is_kept_beside_what_is_wrong() -> None:
    tree = parse_yaml("a: 1\na: 2\nb: !!int x\nc: 3\n")
    assert tree.values == {"a": 1, "c": 3}
    assert [line for line, _ in tree.faults] == [2, 3]


@pytest.mark.parametrize(
    "text", ["!!int ''", "!!bool x", "\x00", "[" * 5000, "'open", "*a", "9" * 5000]
)
def test_a_scalar_that_is_none_stays_text(text: str) -> None:
    assert parse_scalar(text) == text


@given(st.one_of(st.text(), st.text("ab:-[]{}&*!|>'\"\n #?,%@`0.e~", max_size=40)))
def test_any_text_is_read_or_has_faults(text: str) -> None:
    tree = parse_yaml(text)
    assert all(isinstance(message, str) and line >= 1 for line, message in tree.faults)
    parse_scalar(text)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    st.dictionaries(
        st.text("abc", min_size=1),
        st.one_of(TEXT, st.integers(), st.booleans(), st.none()),
    )
)
def test_quoted_values_come_back(values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values, default_style='"', allow_unicode=False)
    tree = parse_yaml(text)
    assert not tree.faults
    assert tree.values == values
