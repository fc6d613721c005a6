"""Parse YAML with the line of every key, and report all faults at once.

This works on PyYAML's nodes, because no library does both: PyYAML's values have no line numbers,
and ruamel.yaml stops at the first fault. There are these differences from plain PyYAML:

* A key given twice is a fault; PyYAML keeps the last value.
* Only ``true`` and ``false`` are booleans. YAML 1.1 also reads ``on``, ``off``, ``yes`` and ``no``
  as booleans, and ``1:30`` as the number 90.
* Input that would take forever or fail later is a fault: deep nesting, aliases that multiply, and
  characters that neither a path nor UTF-8 can hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

KeyPath = tuple[str, ...]
TAG: Final = "tag:yaml.org,2002:"

MAX_DEPTH: Final = 16
"""Maximum depth of nesting; the settings have two levels."""
MAX_SIZE: Final = 200_000
"""Maximum number of values plus characters in a file, with all aliases expanded."""
FORBIDDEN: Final = re.compile("[\0\ud800-\udfff]")
"""Characters that an escape in YAML can express, but that neither a path nor UTF-8 can hold."""

PROBLEMS: Final = {
    "but found another document": "a second document begins here (---); only one is allowed",
    "found character '\\t' that cannot start any token": "a tab; indent with spaces",
}
"""Clearer texts for messages of PyYAML."""


class _CoreLoader(yaml.SafeLoader):
    """A safe loader with scalars close to those of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node; raise a `ComposerError` if it is nested too deeply."""
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(problem="nested too deeply", problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_scalar_node(self, anchor: dict[Any, yaml.Node]) -> yaml.ScalarNode:
        """Compose a scalar; raise a `ComposerError` for a forbidden character."""
        node = super().compose_scalar_node(anchor)
        if found := FORBIDDEN.search(node.value):
            problem = f"character U+{ord(found[0]):04X} is not allowed"
            raise yaml.composer.ComposerError(problem=problem, problem_mark=node.start_mark)
        return node


for _tag, _pattern in {
    "null": r"^(?:~|null|)$",
    "bool": r"^(?:true|false)$",
    "int": r"^[-+]?[0-9]+$",
    "float": r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
}.items():
    _CoreLoader.add_implicit_resolver(TAG + _tag, re.compile(_pattern), None)
# YAML 1.1 would read a number with a leading zero as octal.
_CoreLoader.add_constructor(TAG + "int", lambda _loader, node: int(node.value))


@dataclass
class YamlTree:
    """A parsed YAML text.

    Attributes:
        values: Nested mapping of all values that could be read.
        lines: Line number of each key, counted from 1, by the path of the key.
        faults: Line number and message of each fault.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)


def parse_yaml(text: str) -> YamlTree:
    """Parse a YAML text whose top level is a mapping; errors become `YamlTree.faults`."""
    try:
        loader = _CoreLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = ord(text[error.position])
        return YamlTree(faults=[(line, f"not YAML: character U+{code:04X} is not allowed")])
    tree = YamlTree()
    try:
        node = loader.get_single_node()
        if node is not None and _size(node, {}) > MAX_SIZE:
            tree.faults.append((1, "not YAML: its aliases (*name) multiply without end"))
        elif isinstance(node, yaml.MappingNode):
            tree.values = _mapping(loader, node, (), tree)
        elif node is not None and node.tag != TAG + "null":
            tree.faults.append((node.start_mark.line + 1, "expected sections such as `model:`"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = PROBLEMS.get(str(error.problem), error.problem)
        tree.faults.append((mark.line + 1 if mark else 1, f"not YAML: {problem}"))
    except yaml.YAMLError as error:
        tree.faults.append((1, "not YAML: " + " ".join(str(error).split())))
    finally:
        loader.dispose()
    return tree


def parse_scalar(text: str) -> Any:  # noqa: ANN401 - any scalar
    """Return the value of a text as `parse_yaml` would read it; invalid YAML stays a string."""
    try:
        loader = _CoreLoader(text)
        node = loader.get_single_node()
        return _construct(loader, node) if node is not None else None
    except (yaml.YAMLError, ValueError):
        return text


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of values and characters of a node, with aliases expanded.

    Args:
        node: The node; with aliases, nodes form a graph.
        known: Cache of the sizes of nodes, by their `id`; it is filled here.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1 + len(node.value)
    if id(node) not in known:
        known[id(node)] = MAX_SIZE  # makes a node that contains itself too large
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _construct(loader: _CoreLoader, node: yaml.Node) -> Any:  # noqa: ANN401
    """Return the value of a node.

    Raises:
        ValueError: The tag of the node does not fit its text.
        yaml.YAMLError: The value cannot be built, e.g. because its tag is unknown.
    """
    try:
        return loader.construct_object(node, deep=True)
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"this is not of type {node.tag.removeprefix(TAG)}") from error


def _mapping(
    loader: _CoreLoader, node: yaml.MappingNode, path: KeyPath, tree: YamlTree
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            tree.faults.append((line, "a key must be a plain word"))
            continue
        key = key_node.value
        here = (*path, key)
        if first := tree.lines.get(here):
            tree.faults.append((line, f"{'.'.join(here)}: given twice (first in line {first})"))
            continue
        tree.lines[here] = line
        if isinstance(value_node, yaml.MappingNode):
            values[key] = _mapping(loader, value_node, here, tree)
        else:
            try:
                values[key] = _construct(loader, value_node)
            except (yaml.YAMLError, ValueError) as error:
                reason = getattr(error, "problem", None) or " ".join(str(error).split())
                tree.faults.append((line, f"{'.'.join(here)}: {reason}"))
    return values
