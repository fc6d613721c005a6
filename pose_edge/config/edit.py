"""Changing one setting in the text of a configuration file, which keeps everything else."""

from __future__ import annotations

import copy
import re
from typing import Any, Final

from pose_edge.config.load import scalar
from pose_edge.config.yaml_tree import YamlTree, parse_yaml
from pose_edge.errors import ConfigError

LINE: Final = re.compile(
    r"""(?P<head>\s+(?P<quote>["']?)(?P<key>\w+)(?P=quote)\s*:[ ]*)
        (?P<value>"[^"\\]*"|'[^']*'|[^\s#"'&*!|>{\[][^#]*?|)
        (?P<tail>(?:[ ]+\#.*)?)(?P<end>\s*)""",
    re.VERBOSE,
)
"""A line with a key and a value of one line, perhaps with a comment behind."""


def change_setting(text: str, section: str, key: str, value: str) -> str:
    """Return the text of a configuration with another value of one setting.

    Comments, order and all other lines stay as they are; a key or section that is missing is added.

    Args:
        text: The file's text, which has no faults.
        section: Name of the section, e.g. "model".
        key: Name of the key in it.
        value: The new value.

    Raises:
        ConfigError: The file is written in a way that cannot be changed like this; it says where.
    """
    tree = parse_yaml(text)
    lines = text.splitlines(keepends=True)
    if (number := tree.lines.get((section, key))) is not None:
        lines[number - 1] = _changed_line(lines[number - 1], key, scalar(value))
    elif (number := tree.lines.get((section,))) is not None:
        indent = _indent(tree, lines, section)
        lines[number - 1] = _ended(lines[number - 1])
        lines.insert(number, f"{indent}{key}: {scalar(value)}\n")
    else:
        lines = [*map(_ended, lines), f"{section}:\n  {key}: {scalar(value)}\n"]
    changed = "".join(lines)
    if tree.faults or not _differs_only(tree, parse_yaml(changed), section, key, value):
        where = f"line {number}: " if number is not None else ""
        raise ConfigError([f"{where}{section}.{key} cannot be changed here without danger"])
    return changed


def _changed_line(line: str, key: str, value: str) -> str:
    """Return a line with another value, its comment in the same column where there is room."""
    found = LINE.fullmatch(line)
    if found is None or found["key"] != key:
        return line
    head = found["head"] if found["head"].endswith(" ") else f"{found['head']} "
    tail = found["tail"].lstrip()
    if not tail:
        return f"{head}{value}{found['end']}"
    column = found.start("tail") + len(found["tail"]) - len(tail)
    return f"{(head + value).ljust(column - 2)}  {tail}{found['end']}"


def _indent(tree: YamlTree, lines: list[str], section: str) -> str:
    """Return the indentation of a section's keys."""
    keys = [number for path, number in tree.lines.items() if path[:1] == (section,)][1:]
    first = lines[keys[0] - 1] if keys else "  x"
    return first[: len(first) - len(first.lstrip())]


def _ended(line: str) -> str:
    return line if line.endswith(("\n", "\r")) else f"{line}\n"


def _differs_only(before: YamlTree, after: YamlTree, section: str, key: str, value: str) -> bool:
    """Return whether a setting has its new value, and nothing else has changed."""
    wanted: dict[str, Any] = copy.deepcopy(before.values)
    if not isinstance(wanted.setdefault(section, {}), dict | None):
        return False
    wanted[section] = {**(wanted[section] or {}), key: value}
    return not after.faults and after.values == wanted
