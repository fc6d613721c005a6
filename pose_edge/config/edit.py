"""Change one setting in the text of a configuration file and keep everything else."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from pose_edge.config.load import scalar
from pose_edge.config.yaml_tree import YamlTree, parse_yaml
from pose_edge.errors import ConfigError

COMMENT: Final = re.compile(r"( +)#")
"""The spaces before a comment; their number changes so that the comment stays in its column."""


def change_setting(text: str, section: str, key: str, value: Any) -> str:  # noqa: ANN401
    """Return the text of a configuration with a new value for one setting.

    Comments, order and all other lines are kept; a missing key or section is added. The result is
    parsed again and rejected unless it differs in this setting only.

    Args:
        text: Text of the configuration file.
        section: Name of the section, e.g. "model".
        key: Name of the key in the section.
        value: The new value.

    Raises:
        ConfigError: The file has faults, or its notation does not allow this change.
    """
    before = parse_yaml(text)
    number = before.lines.get((section, key), before.lines.get((section,)))
    if not before.faults:
        if (section, key) in before.lines:
            changed = _with_other_value(text, section, key, scalar(value))
        else:
            changed = _with_another_line(text, before, section, f"{key}: {scalar(value)}")
        after = parse_yaml(changed)
        inner = before.values.get(section) or {}
        wanted = {**inner, key: value} if isinstance(inner, dict) else None
        if not after.faults and after.values == {**before.values, section: wanted}:
            return changed
    where = f"line {number}: " if number is not None else ""
    raise ConfigError([f"{where}{section}.{key} cannot be changed here; change it by hand"])


def _with_other_value(text: str, section: str, key: str, value: str) -> str:
    """Replace the value of a key that exists."""
    node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    for name in (section, key):
        inner = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((one for found, one in inner if found.value == name), None)
    if node is None:
        return text
    start, end = node.start_mark.index, node.end_mark.index
    if start and text[start - 1] == ":":
        value = f" {value}"
    rest = text[end:]
    if comment := COMMENT.match(rest):
        room = len(comment[1]) + (end - start) - len(value)
        rest = " " * max(2, room) + rest[comment.end(1) :]
    return text[:start] + value + rest


def _with_another_line(text: str, tree: YamlTree, section: str, line: str) -> str:
    """Add a key to a section; add the section if it is missing."""
    lines = text.splitlines(keepends=True)
    lines = [one if one.endswith(("\n", "\r")) else f"{one}\n" for one in lines]
    keys = [number for path, number in tree.lines.items() if path[0] == section]
    if not keys:
        return "".join([*lines, f"{section}:\n  {line}\n"])
    first = lines[keys[1] - 1] if len(keys) > 1 else "  "
    indent = first[: len(first) - len(first.lstrip(" "))]
    return "".join([*lines[: keys[0]], f"{indent}{line}\n", *lines[keys[0] :]])
