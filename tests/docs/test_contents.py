"""Settings, options, messages and formats in the pages agree with the program."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from checkout import REPOSITORY
from documentation import DOCS, PAGES, blocks, code_spans, emphasised
from helpers import make_frame, make_result, noise, person, pose

from pose_edge.cli.parser import make_parser
from pose_edge.config.load import load_config
from pose_edge.config.schema import Settings
from pose_edge.poses import Keypoint
from pose_edge.sinks.message import PoseMessage

NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]
SETTING = re.compile(rf"({'|'.join(Settings.model_fields)})\.([a-z]\w*)(?:: (.+))?")
FILE_ENDINGS = ("py", "md", "mp4", "jsonl", "yaml")
OTHERS_OPTIONS = frozenset(("--system-site-packages",))
"""Options of pip and venv that the pages mention."""


def check_settings(text: str, folder: Path) -> None:
    """Load a configuration; a ConfigError tells what is invalid in it."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    load_config(path, {})


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_settings_that_are_named_exist(page: Path, tmp_path: Path) -> None:
    known = {(name, key) for name, section in Settings() for key in type(section).model_fields}
    for span, _needs in code_spans(page):
        match = SETTING.fullmatch(span)
        if match is None or match[2] in FILE_ENDINGS:
            continue
        section, key, value = match.groups()
        assert (section, key) in known, span
        if value is not None:
            check_settings(yaml.safe_dump({section: {key: yaml.safe_load(value)}}), tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_configurations_that_are_shown_are_valid(page: Path, tmp_path: Path) -> None:
    for content, _needs in blocks(page, "yaml"):
        check_settings(content, tmp_path)


def all_options(parser: Any) -> set[str]:  # noqa: ANN401 - argparse has no public type for these
    """Return the options of a parser and of its subcommands."""
    options = set(parser._option_string_actions)
    for action in parser._actions:
        for below in (action.choices or {}).values() if isinstance(action.choices, dict) else ():
            options |= all_options(below)
    return options


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_options_that_are_named_exist(page: Path, tmp_path: Path) -> None:
    known = all_options(make_parser()) | OTHERS_OPTIONS
    for span, _needs in code_spans(page):
        if not re.match("--[a-z]", span):
            continue
        option, _, value = span.partition(" ")
        assert option in known, span
        if option == "--set" and "..." not in value:
            key, _, setting = value.partition("=")
            load_config(REPOSITORY / "config.yaml", {}, [(key, setting, span)])


def spoken() -> str:
    """Return all string literals of the program, with … in place of inserted values."""
    texts = [(REPOSITORY / "script" / "lib.sh").read_text(encoding="utf-8")]
    for path in (REPOSITORY / "pose_edge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                texts.append("".join(map(str, parts)))
    return "\n".join(texts)


def test_messages_that_are_quoted_are_the_program_s() -> None:
    texts = spoken()
    quoted = [text for text in emphasised(DOCS / "troubleshooting.md") if text != "italics"]
    assert len(quoted) > 20
    parts = {part.strip(" :") for text in quoted for part in re.split("…|/dev/bus/usb/", text)}
    assert [part for part in parts if part not in texts] == []


def test_the_line_of_poses_has_the_fields_that_are_described() -> None:
    page = DOCS / "poses.md"
    ((example, _needs),) = blocks(page, "json")
    shown = json.loads(example)
    frame = make_frame(noise(64, 48), file="a.jpg")
    found = replace(pose(person()), confidence=np.ones(17, dtype=np.float32), predicted=True)
    result = make_result(frame, [found])
    result.provenance = replace(result.provenance, finder="movenet-test")
    record = json.loads(json.dumps(PoseMessage.of(result).record))
    assert shown.keys() == record.keys() - {"file", "finder"}
    assert shown["poses"][0].keys() == record["poses"][0].keys() - {"predicted"}
    described = {span for span, _needs in code_spans(page)}
    assert record.keys() | record["poses"][0].keys() <= described
    text = page.read_text(encoding="utf-8")
    assert [f"{int(k)} {k.name.lower()}" in text for k in Keypoint] == [True] * 17


def test_code_of_python_is_that_of_one_page_or_short() -> None:
    """tests/test_api.py runs the code of python.md; longer code elsewhere belongs in examples/."""
    for page in PAGES:
        for code, _needs in blocks(page, "python"):
            compile(code, str(page), "exec")
            assert page.name == "python.md" or len(code.splitlines()) <= 8


@pytest.mark.parametrize("name", ["README.md", "docs/models.md"])
def test_accuracies_are_those_of_the_list_of_models(name: str) -> None:
    listed = yaml.safe_load((REPOSITORY / "models" / "accuracy.yaml").read_text(encoding="utf-8"))
    shown = 0
    for row in (REPOSITORY / name).read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"\| `([\w-]+)`.* ms \|", row)
        if match is not None:
            accuracy = listed[match[1]]
            assert f" {accuracy.get('one', accuracy.get('several')):.3f} " in row
            shown += 1
    assert shown >= 3
