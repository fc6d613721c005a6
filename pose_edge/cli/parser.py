"""The parser of the command line, built from the tables in arguments.py and examples.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

from pose_edge.cli.arguments import COMMANDS, GROUPS, Arguments, global_options, option
from pose_edge.cli.examples import EXAMPLES
from pose_edge.errors import UsageError
from pose_edge.live.keys import KEYS

PROGRAM: Final = "pose-edge"

USAGE_FORMATS: Final = {"": "{}", "?": "[{}]", "+": "{} ...", "*": "[{} ...]"}
"""Format of an argument in the usage, by argparse's `nargs`."""

EXAMPLES_TITLE: Final = "examples:\n"
"""First line of the examples in a help text; a text that starts with it is not re-wrapped."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, or print help or the version and exit.

    Args:
        arguments: Arguments after the program's name.

    Returns:
        The options; `command` is the full name of the command, e.g. "models list".

    Raises:
        UsageError: The command line is wrong; the usage was printed.
        SystemExit: Help or the version was printed.
    """
    words = list(arguments)
    if words[:1] == ["help"]:  # `pose-edge help run` is `pose-edge run --help`
        words = [*words[1:], "--help"]
    parser = make_parser()
    first = words[0].partition("=")[0] if words else ""
    if first in [names for names, _ in global_options()]:
        parser.error(f"{first} goes after the command: {PROGRAM} COMMAND {first} ...")
    return parser.parse_args(words)


def make_parser() -> CommandParser:
    """Create the parser of the command line."""
    parser = CommandParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND [OPTIONS]",
        description="Real-time human pose estimation on a Raspberry Pi.",
        epilog=_examples(""),
    )
    choices = {"": parser.add_commands()}
    for command, (text, *options) in COMMANDS.items():
        name, _, subcommand = command.partition(" ")
        if subcommand and name not in choices:
            group = choices[""].add_parser(
                name,
                help=GROUPS[name],
                usage=f"{PROGRAM} {name} COMMAND [OPTIONS]",
                description=GROUPS[name],
                epilog=_examples(name),
            )
            choices[name] = group.add_commands()
        leaf = choices[name if subcommand else ""].add_parser(
            subcommand or name,
            help=text.partition(". ")[0].removesuffix(".") + ".",
            description=text,
            epilog=_examples(command),
        )
        leaf.add_options(command, [option(one) if isinstance(one, str) else one for one in options])
    return parser


class CommandParser(argparse.ArgumentParser):
    """A parser of one command, or of the choice between commands.

    An error shows the usage of the command that was typed, with a suggestion if there is one.
    Without a command, the parser prints its help and exits.
    """

    def __init__(self, **keywords: Any) -> None:  # noqa: ANN401
        """Create a parser without options; see `argparse.ArgumentParser`."""
        # No abbreviations: one that works today may be ambiguous in a later version.
        keywords |= {"add_help": False, "allow_abbrev": False, "formatter_class": _HelpFormatter}
        super().__init__(**keywords)
        self._flags: list[str] = []
        self._lists: list[str] = []

    def add_commands(self) -> argparse._SubParsersAction[CommandParser]:
        """Add a choice of commands and return it; the caller adds commands to it."""
        commands = self.add_subparsers(title="commands", metavar="COMMAND", prog=self.prog)
        self._add_global_options(())
        return commands

    def add_options(self, command: str, options: Sequence[Arguments]) -> None:
        """Make this the parser of a command: add its own options and the global ones."""
        self.set_defaults(command=command)
        groups = {title: self.add_argument_group(title) for title in ("arguments", "options")}
        for names, keywords in options:
            group = groups["options" if names[0] == "-" else "arguments"]
            self._add(group, names, **keywords)
        self._add_global_options(global_options())
        self.usage = usage(self.prog, options)

    def parse_known_args(  # type: ignore[override]  # it has overloads
        self,
        args: Sequence[str] | None = None,
        namespace: Any = None,  # noqa: ANN401
    ) -> tuple[Any, list[str]]:
        """Parse all arguments; an unknown one is an error of this parser, not of its parent."""
        options, rest = super().parse_known_args(args, namespace)
        for name in self._lists:  # argparse only takes the values before the first option
            getattr(options, name).extend(one for one in rest if one[:1] != "-")
            rest = [one for one in rest if one[:1] == "-"]
        if rest:
            self.error(self._explain(rest))
        if not hasattr(options, "command"):
            self.print_help()
            self.exit(2)
        return options, []

    def error(self, message: str) -> NoReturn:
        """Print the usage and raise a `UsageError`."""
        self.print_usage(sys.stderr)
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def _add_global_options(self, more: Iterable[Arguments]) -> None:
        """Add --help, --version and more options as a group of the help."""
        group = self.add_argument_group("global options")
        self._add(group, "-h --help", action="help", help="print this help")
        self._add(group, "--version", action=_PrintVersion, help="print the version")
        for names, keywords in more:
            self._add(group, names, **keywords)

    def _add(
        self,
        group: argparse._ArgumentGroup,
        names: str,
        **keywords: Any,  # noqa: ANN401
    ) -> argparse.Action:
        """Add an option or argument to a group, and record it for suggestions and lists."""
        action = group.add_argument(*names.split(), **keywords)
        self._flags += action.option_strings
        if not action.option_strings and action.nargs in ("+", "*"):
            self._lists.append(action.dest)
        return action

    def _explain(self, rest: Sequence[str]) -> str:
        """Return a message about arguments that the parser does not know."""
        flags = [one for one in rest if one[:1] == "-"]
        if not flags:
            return f"unexpected argument: {rest[0]}"
        flag = flags[0].partition("=")[0]
        return f"unknown option {flag}{_hint(flag, self._flags)}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Raise an error for a value outside an option's choices, or for an unknown command."""
        if not isinstance(action, argparse._SubParsersAction) or value in action.choices:
            super()._check_value(action, value)
            return
        known = list(action.choices)
        if self.prog == PROGRAM:  # for `pose-edge list`, suggest `pose-edge models list`
            known += COMMANDS
        hint = _hint(value, known)
        if not hint and self.prog == PROGRAM and ("." in value or "/" in value):
            hint = f"; did you mean `{PROGRAM} run {value}`?"
        there_are = f"; there are {', '.join(action.choices)}"
        raise argparse.ArgumentError(None, f"unknown command {value}{hint or there_are}")


class _HelpFormatter(argparse.HelpFormatter):
    """A help formatter that does not wrap examples and shows commands without an extra title."""

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):
            return "".join(map(self._format_action, action._get_subactions()))
        return super()._format_action(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES_TITLE):
            return text
        return super()._fill_text(text, width, indent)


class _PrintVersion(argparse.Action):
    """Prints the version; unlike argparse's own action, looks it up only when asked for it."""

    def __init__(self, **keywords: Any) -> None:  # noqa: ANN401
        super().__init__(nargs=0, **keywords)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from pose_edge import __version__

        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        parser.exit()


def usage(command: str, options: Sequence[Arguments]) -> str:
    """Return the usage of a command, e.g. ``pose-edge run [SRC] [OPTIONS]``."""
    words = [command]
    for names, keywords in options:
        if keywords.get("required"):
            words.append(f"{names.split()[-1]} {keywords['metavar']}")
        elif names[0] != "-":
            words.append(USAGE_FORMATS[keywords.get("nargs", "")].format(keywords["metavar"]))
    return " ".join([*words, "[OPTIONS]"])


def _hint(word: str, known: Iterable[str]) -> str:
    """Return a suggestion for a mistyped word as the end of a sentence, or ""."""
    import difflib

    # Dashes do not count: with them, --verbose would look like --version. The first name wins.
    names = {name.split()[-1].lstrip("-"): name for name in reversed(list(known))}
    near = difflib.get_close_matches(word[:60].lstrip("-"), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _examples(command: str) -> str:
    """Return the examples of a command for the end of its help; for `run`, also the keys."""
    lines = [f"  {line}\n      {meaning}" for line, meaning in EXAMPLES[command]]
    if command == "run":
        lines += ["", "keys while it runs:", *(f"  {key.shown:<9} {key.meaning}" for key in KEYS)]
    return EXAMPLES_TITLE + "\n".join(lines)
