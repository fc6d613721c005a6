"""Parse YAML with the line of every key, and report all faults at once.

Written by hand on PyYAML's nodes, because no library does both: PyYAML has no lines, ruamel.yaml
stops at the first fault. Differences from plain PyYAML: a key given twice is a fault (PyYAML keeps
the last), and only ``true`` and ``false`` are booleans (YAML 1.1 also reads ``on``, ``off``,
``yes`` and ``no`` as booleans, and ``1:30`` as the number 90).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str, ...]


class _CoreLoader(yaml.SafeLoader):
    """A safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), None)
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), None)
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), None)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    None,
)


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Return a whole number; YAML 1.1 would read a leading zero as octal."""
    return int(loader.construct_scalar(node))


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _decimal)


@dataclass
class YamlTree:
    """A parsed file.

    Attributes:
        values: Nested mapping of what could be read.
        lines: Line number of each key, from 1, by its path.
        faults: Line number and message of each fault.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)


def parse_yaml(text: str) -> YamlTree:
    """Parse a YAML text whose top level is a mapping."""
    tree = YamlTree()
    try:
        loader = _CoreLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = ord(text[error.position])
        tree.faults.append((line, f"not YAML: character U+{code:04X} is not allowed"))
        return tree
    try:
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode):
            tree.values = _mapping(loader, node, (), tree)
        elif node is not None and not _is_null(node):
            tree.faults.append((node.start_mark.line + 1, "expected sections such as `model:`"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        tree.faults.append((mark.line + 1 if mark else 1, f"not YAML: {error.problem}"))
    except yaml.YAMLError as error:
        tree.faults.append((1, "not YAML: " + " ".join(str(error).split())))
    except RecursionError:  # very deep, or a node that contains itself through an alias
        tree.faults.append((1, "not YAML: nested too deeply"))
    finally:
        loader.dispose()
    return tree


def parse_scalar(text: str) -> Any:  # noqa: ANN401 - any scalar
    """Return a value as it would be read in a file; a text that is no YAML scalar stays text."""
    try:
        loader = _CoreLoader(text)
        node = loader.get_single_node()
        return _construct(loader, node) if node is not None else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def _construct(loader: _CoreLoader, node: yaml.Node) -> Any:  # noqa: ANN401
    """Return the value of a node; ValueError where its tag does not fit its text."""
    try:
        return loader.construct_object(node, deep=True)
    except (LookupError, AttributeError, TypeError) as error:
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        raise ValueError(f"this is no {tag}") from error


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


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
        if here in tree.lines:
            first = tree.lines[here]
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
