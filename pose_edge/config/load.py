"""Load the configuration from the command line, the environment, the file and the defaults.

Of these, an earlier one overrides a later one. All faults are reported together, each with its
place and the allowed values.
"""

from __future__ import annotations

import difflib
import logging
import os
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from pose_edge.config.file import read_config
from pose_edge.config.outputs import PASSWORD_VARIABLE
from pose_edge.config.schema import SHORT_FORMS, TESTING, Settings
from pose_edge.config.yaml_tree import KeyPath, parse_scalar, parse_yaml
from pose_edge.errors import ConfigError
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

FILE, ENVIRONMENT, COMMAND_LINE = range(3)
"""Layers of the configuration; a higher one overrides a lower one."""

ENVIRONMENT_PREFIX: Final = "POSE_EDGE_"
COMMENT_COLUMN: Final = 34

MAX_FAULTS, MAX_LETTERS = 20, 500
"""Maximum number of faults in a report and of characters in each, so that it stays readable."""


class ValueOrigin(NamedTuple):
    """Where a value comes from; origins sort by precedence, lowest first.

    Attributes:
        layer: `FILE`, `ENVIRONMENT` or `COMMAND_LINE`.
        line: Line in the file, or position among the variables or options.
        text: Description for people, e.g. "config.yaml:12"; for an option, the option as typed.
    """

    layer: int
    line: int
    text: str


@dataclass
class _Layers:
    """The merged values of all layers, with the origin of each."""

    values: dict[str, Any]
    origins: dict[KeyPath, ValueOrigin]

    def put(self, path: KeyPath, value: Any, origin: ValueOrigin) -> None:  # noqa: ANN401
        """Set one value and its origin, replacing any earlier value."""
        if len(path) == 1 and isinstance(value, str) and path[0] in SHORT_FORMS:
            path = (path[0], SHORT_FORMS[path[0]])
        here = self.values
        for key in path[:-1]:
            inner = here.get(key)
            if not isinstance(inner, dict):
                inner = here[key] = {}
            here = inner
        here[path[-1]] = value
        for depth in range(1, len(path) + 1):
            self.origins[path[:depth]] = origin

    def origin(self, path: KeyPath) -> ValueOrigin:
        """Return the origin of a value, or else of the innermost section around it."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path, ValueOrigin(FILE, 0, "configuration"))


def load_config(
    path: Path,
    environment: Mapping[str, str] = os.environ,
    overrides: Sequence[tuple[str, str, str]] = (),
) -> Settings:
    """Load and check the configuration; see `load_with_origins`."""
    return load_with_origins(path, environment, overrides)[0]


def load_with_origins(
    path: Path,
    environment: Mapping[str, str] = os.environ,
    overrides: Sequence[tuple[str, str, str]] = (),
) -> tuple[Settings, Mapping[KeyPath, ValueOrigin]]:
    """Load and check the configuration.

    Args:
        path: The configuration file.
        environment: Environment variables; ``POSE_EDGE_SECTION__KEY`` overrides the file.
        overrides: Settings from the command line, which override everything: dotted key, value as
            text, and the option as typed.

    Returns:
        The settings, and by section and key the origin of each setting that is given anywhere.

    Raises:
        ConfigError: The file cannot be read, or settings are wrong; the faults are listed in the
            order of their origins.
    """
    tree = parse_yaml(read_config(path))
    lines = {key: ValueOrigin(FILE, line, f"{path}:{line}") for key, line in tree.lines.items()}
    layers = _Layers(tree.values, lines)
    for section in SHORT_FORMS.keys() & tree.values.keys():
        layers.put((section,), tree.values[section], layers.origin((section,)))
    fields = _fields()
    for number, (variable, raw) in enumerate(sorted(environment.items())):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == PASSWORD_VARIABLE:
            continue
        key = tuple(variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
        if len(key) > 1 or key[0] in SHORT_FORMS:
            origin = ValueOrigin(ENVIRONMENT, number, f"environment variable {variable}")
            layers.put(key, _converted(fields.get(key), raw), origin)
        else:
            log.warning("environment variable %s is ignored: %s", variable, _variable_hint(key[0]))
    for number, (dotted, raw, option) in enumerate(overrides):
        key = tuple(dotted.split("."))
        layers.put(key, _converted(fields.get(key), raw), ValueOrigin(COMMAND_LINE, number, option))

    faults = [(ValueOrigin(FILE, line, f"{path}:{line}"), message) for line, message in tree.faults]
    more = 0
    try:
        settings = Settings.model_validate(_without_empty_sections(layers.values))
    except ValidationError as error:
        known = _known()
        found = [
            (layers.origin(_path(fault, known)), fault)
            for fault in error.errors(include_url=False, include_context=False)
        ]
        found.sort(key=lambda one: one[0])
        faults += [(origin, _describe(fault, known)) for origin, fault in found[:MAX_FAULTS]]
        more = len(found[MAX_FAULTS:])
    if faults:
        faults.sort(key=lambda one: one[0])
        raise ConfigError(_shortened([f"{place.text}: {text}" for place, text in faults], more))
    return settings, {key: layers.origins[key] for key in fields if key in layers.origins}


def _shortened(faults: Sequence[str], more: int) -> list[str]:
    """Shorten a list of faults for people.

    Args:
        faults: Texts of the faults.
        more: Number of further faults that are not in the list.
    """
    shown = [
        text if len(text) <= MAX_LETTERS else f"{text[:MAX_LETTERS]}..."
        for text in faults[:MAX_FAULTS]
    ]
    more += len(faults[MAX_FAULTS:])
    return [*shown, f"and {counted(more, 'more fault')}"] if more else shown


def _variable_hint(word: str) -> str:
    """Return a hint for an environment variable whose name has no section.

    Args:
        word: Name of the variable without the prefix, in lower case.
    """
    variables = {"_".join(path): ENVIRONMENT_PREFIX + "__".join(path).upper() for path in _fields()}
    near = difflib.get_close_matches(word[:60], variables, n=1, cutoff=0.8)
    hint = f"did you mean {variables[near[0]]}?" if near else ""
    return hint or f"settings are {ENVIRONMENT_PREFIX}SECTION__KEY, with two underscores"


DEFAULTS_HEADER: Final = (
    "# pose_edge: every setting, with its default.",
    "# Command line over environment (POSE_EDGE_SECTION__KEY) over this file over defaults.",
    "# `pose-edge config check` finds mistakes; `config show` prints what is in force.",
)
SHOWN_HEADER: Final = (
    "# pose_edge: the settings in force.",
    "# `pose-edge config show --origin` says where each value comes from.",
)
ORIGIN_HEADER: Final = ("# pose_edge: the settings in force, and where each value comes from.",)


def render_config(settings: Settings, comments: Mapping[KeyPath, str] | None = None) -> str:
    """Return settings as a commented config.yaml; loading it gives the same settings.

    Args:
        settings: The settings.
        comments: Comment of each setting by section and key, such as its origin; None for the
            descriptions of the settings.
    """
    header = DEFAULTS_HEADER if settings == Settings() else SHOWN_HEADER
    lines = list(header if comments is None else ORIGIN_HEADER)
    for name, section in settings:
        if name == TESTING:
            continue
        lines += ["", f"# {type(section).__doc__}".rstrip("."), f"{name}:"]
        for key, info in type(section).model_fields.items():
            value = scalar(getattr(section, key))
            comment = info.description if comments is None else comments[name, key]
            lines.append(f"  {key}: {value}".ljust(COMMENT_COLUMN) + f"  # {comment}")
    return "\n".join(lines) + "\n"


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of config.yaml, for editors."""
    schema = Settings.model_json_schema()
    for section, key in SHORT_FORMS.items():
        info = schema["properties"][section]
        short = _definition(schema, info)["properties"][key]
        schema["properties"][section] = {"anyOf": [info, short]}
    return schema


def scalar(value: Any) -> str:  # noqa: ANN401
    """Return a value as YAML on one line that `parse_yaml` reads as the same value."""
    text = yaml.safe_dump(value, width=1 << 20).removesuffix("...\n").strip()
    # PyYAML omits quotes by the rules of YAML 1.1, and wraps some quoted texts.
    if isinstance(value, str) and ("\n" in text or parse_scalar(text) != value):
        text = yaml.safe_dump(value, width=1 << 20, default_style='"').strip()
    return text


def _without_empty_sections(values: Mapping[str, Any]) -> dict[str, Any]:
    # A section whose keys are all commented out is null in YAML; the user means the defaults.
    return {k: v for k, v in values.items() if not (v is None and k in Settings.model_fields)}


def _fields() -> dict[KeyPath, FieldInfo]:
    """Return the pydantic field of each setting, by its path."""
    return {
        (name, key): field
        for name, section in Settings()
        if name != TESTING
        for key, field in type(section).model_fields.items()
    }


@cache  # only needed for faults: generating the schema takes longer than loading the settings
def _known() -> Mapping[KeyPath, dict[str, Any]]:
    """Return the JSON Schema of each setting, by its path."""
    schema = Settings.model_json_schema()
    return {
        (section, key): details
        for section, info in schema["properties"].items()
        for key, details in _definition(schema, info)["properties"].items()
    }


def _definition(schema: dict[str, Any], info: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition in a schema that the ``$ref`` of a property points to."""
    definition: dict[str, Any] = schema["$defs"][info["$ref"].rpartition("/")[2]]
    return definition


def _converted(field: FieldInfo | None, raw: str) -> Any:  # noqa: ANN401
    """Convert a text from the command line or environment to the type of its setting."""
    if field is None:
        return raw
    types = _types(field.annotation)
    value = parse_scalar(raw)
    return raw if str in types and not (value is None and type(None) in types) else value


def _types(annotation: Any) -> set[type]:  # noqa: ANN401 - whatever a field is annotated with
    """Return the types of the values that a type annotation allows."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return {type(value) for value in inner}
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    return set().union(*map(_types, inner)) if inner else {annotation}


def _path(fault: Any, known: Mapping[KeyPath, Any]) -> KeyPath:  # noqa: ANN401
    """Return the path of the setting that a validation error is about."""
    path = tuple(str(part) for part in fault["loc"])
    # In a union, pydantic appends the name of the tried type to the path; it is cut off here.
    return path[:2] if fault["type"] != "extra_forbidden" and path[:2] in known else path


def _describe(fault: Any, known: Mapping[KeyPath, Any]) -> str:  # noqa: ANN401
    """Return a message that says what is wrong with a setting and what is allowed."""
    path = _path(fault, known)
    name = ".".join(path)
    if fault["type"] == "extra_forbidden":
        return f"{name}: unknown {_unknown_hint(path, known)}"
    if fault["type"] == "string_unicode":
        return f"{name}: {_shown(fault['input'])} is not UTF-8; give the file another name"
    if path in known:
        given = fault["input"]
        wrong = "a value is missing" if given is None else f"{_shown(given)} is not allowed here"
        return f"{name}: {wrong}; {describe_allowed(known[path])}"
    if path[0] == TESTING and len(path) > 1:
        return f"{name}: {fault['msg']}"
    keys = ", ".join(key for section, key in known if section == path[0])
    return f"{name}: expected a section with keys ({keys})"


def _shown(value: object) -> str:
    """Return the `repr` of a value, shortened to fit on a line."""
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict, short.maxstring = 2, 4, 4, 120
    return short.repr(value)


def _unknown_hint(path: KeyPath, known: Mapping[KeyPath, Any]) -> str:
    kind = "section" if len(path) == 1 else "key"
    names = sorted({".".join(key[: len(path)]) for key in known})
    wanted = ".".join(path)[:100]  # the comparison takes quadratic time
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    if not near:  # the right key in the wrong section
        near = [".".join(key) for key in known if key[-1] == path[-1]][:1]
    if near:
        return f"{kind}; did you mean {near[0]}?"
    section = [name for name in names if name.startswith(path[0] + ".")] or names
    return f"{kind}; known are: {', '.join(section)}"


def describe_allowed(details: Mapping[str, Any]) -> str:
    """Return in words which values the JSON Schema of a setting allows: "allowed: ..."."""
    words = []
    for option in details.get("anyOf", [details]):
        if "enum" in option:
            words.append(", ".join(str(value) for value in option["enum"]))
        elif option.get("type") in ("integer", "number"):
            kind = "a whole number" if option["type"] == "integer" else "a number"
            words.append(kind + _range(option))
        elif "pattern" in option:  # the description is clearer
            words.append(details["description"])
        else:
            words.append({"boolean": "true or false", "string": "text"}.get(option["type"], "null"))
    comma = "," if any("," in word for word in words[:-1]) else ""
    return "allowed: " + f"{comma} or ".join(words)


def _range(option: Mapping[str, Any]) -> str:
    low, high = option.get("minimum"), option.get("maximum")
    if option.get("exclusiveMinimum") is not None:
        above = f" above {option['exclusiveMinimum']:.10g}"
        return above if high is None else f"{above}, at most {high:.10g}"
    if low is not None and high is not None:
        return f" from {low:.10g} to {high:.10g}"
    return f", at least {low:.10g}" if low is not None else ""
