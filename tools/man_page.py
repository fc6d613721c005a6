"""Renders the manual page in man(7) macros from the option tables of the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from pose_edge.cli.arguments import COMMANDS, Arguments, global_options, option
from pose_edge.cli.examples import EXAMPLES
from pose_edge.cli.parser import usage
from pose_edge.live.keys import KEYS

HEAD: Final = """\
.TH POSE\\-EDGE 1 "" pose_edge "User Commands"
.SH NAME
pose\\-edge \\- real\\-time human pose estimation on a Raspberry Pi
.SH SYNOPSIS
.B pose\\-edge
.I COMMAND
.RI [ OPTIONS ]
.SH DESCRIPTION
Shows what a camera sees, with the skeletons of the people in it; records it,
and writes the poses.
Results go to the standard output, progress and the log to the standard error.
"""

TAIL: Final = """\
.SH CONFIGURATION
The first of these files is read: that of
.BR \\-\\-config ,
.IR ~/.config/pose\\-edge/config.yaml ,
.IR /etc/pose\\-edge/config.yaml ,
and the one that ships.
Environment variables
.RB ( POSE_EDGE_CAMERA__FPS=15 )
win over it, and options win over those.
.B pose\\-edge config show \\-\\-defaults
prints every setting with its meaning.
.SH EXIT STATUS
.TP
.B 0
done
.TP
.B 2
wrong usage or configuration
.TP
.B 3
an input, model or device that was asked for is not available
.TP
.B 1
anything else, also when something was lost
"""

GENERAL: Final[tuple[Arguments, ...]] = (
    ("-h --help", {"help": "print the help of a command"}),
    ("--version", {"help": "print the version"}),
)


def render() -> str:
    """Return the manual page."""
    lines = [".SH COMMANDS"]
    for command, (text, *options) in COMMANDS.items():
        arguments = [option(one) if isinstance(one, str) else one for one in options]
        lines += [f'.SS "{escape(usage(f"pose-edge {command}", arguments))}"', *wrap(text)]
        lines += describe(arguments)
    lines += [".SH GLOBAL OPTIONS", "Every command has these options."]
    lines += describe([*GENERAL, *global_options()])
    lines += [".SH KEYS", "These keys are for the window of", ".BR run ,", "or its terminal."]
    for key in KEYS:
        lines += [".TP", f".B {escape(key.shown)}", *wrap(key.meaning)]
    lines += [".SH EXAMPLES"]
    for examples in EXAMPLES.values():
        for line, meaning in examples:
            lines += [".TP", f".B {escape(line)}", *wrap(meaning)]
    return HEAD + "\n".join(lines) + "\n" + TAIL


def describe(arguments: list[Arguments]) -> Iterator[str]:
    """Yield the lines that describe options and arguments, except those hidden in the help."""
    for names, keywords in arguments:
        meaning = keywords.get("help", "")
        if meaning == "==SUPPRESS==":
            continue
        value = keywords.get("metavar")
        flags = names.split() if names[0] == "-" else []
        words = ", ".join(f"\\fB{escape(flag)}\\fR" for flag in flags)
        shown = f"\\fI{escape(value)}\\fR" if value else ""
        yield from (".TP", f"{words} {shown}".strip(), *(wrap(meaning) if meaning else [".br"]))


def wrap(text: str) -> list[str]:
    """Return a text as escaped lines of the page."""
    return [escape(line) for line in textwrap.wrap(text, 78, break_on_hyphens=False)]


def escape(text: str) -> str:
    """Escape the characters that are special in man(7)."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
