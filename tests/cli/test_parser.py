"""Parsing of command lines, and the messages for those that are wrong."""

from __future__ import annotations

import shlex

import pytest

from pose_edge.cli.arguments import COMMANDS, GROUPS
from pose_edge.cli.examples import EXAMPLES
from pose_edge.cli.parser import parse
from pose_edge.errors import UsageError


def parse_line(line: str) -> object:
    return parse(shlex.split(line))


@pytest.mark.parametrize(
    ("line", "usage", "says"),
    [
        ("rnu", "pose-edge COMMAND", "unknown command rnu; did you mean run?"),
        ("models lst", "pose-edge models COMMAND", "did you mean list?"),
        ("list", "pose-edge COMMAND", "did you mean models list?"),
        ("instal", "pose-edge COMMAND", "did you mean service install?"),
        ("xyz", "pose-edge COMMAND", "unknown command xyz; there are run, annotate, models,"),
        ("clip.mp4", "pose-edge COMMAND", "did you mean `pose-edge run clip.mp4`?"),
        ("run --sorce x", "pose-edge run [SRC] [OPTIONS]", "did you mean --source?"),
        ("run --sorce=x", "pose-edge run [SRC] [OPTIONS]", "unknown option --sorce; did you"),
        ("run -model x", "pose-edge run [SRC] [OPTIONS]", "did you mean --model?"),
        ("annotate a.jpg --oputut b", "pose-edge annotate INPUT ...", "did you mean --output?"),
        ("models list --jsn", "pose-edge models list [OPTIONS]", "did you mean --json?"),
        ("models --zzz", "pose-edge models COMMAND", "unknown option --zzz (see"),
        ("models info a b", "pose-edge models info NAME", "unexpected argument: b"),
        ("run a b", "pose-edge run [SRC]", "unexpected argument: b"),
        ("annotate", "pose-edge annotate INPUT ...", "required: INPUT"),
        ("eval", "pose-edge eval --annotations COCO.json --images DIR [", "--annotations, --im"),
        ("run --model", "pose-edge run [SRC]", "--model: expected one argument"),
        ("bench model --runs x", "pose-edge bench model [NAME ...]", "'x' is not a whole number"),
        ("bench model --runs 0", "pose-edge bench model [NAME ...]", "'0' is not a whole number"),
        ("bench model --runs ²", "pose-edge bench model [NAME ...]", "'²' is not a whole number"),
        ("tune --target-fps abc", "pose-edge tune", "'abc' is not a number above 0, at most 1000"),
        ("tune --target-fps 0", "pose-edge tune", "'0' is not a number above 0, at most 1000"),
        ("run --verbose", "pose-edge run", "unknown option --verbose (see"),
        ("--config x run", "pose-edge COMMAND", "--config goes after the command"),
        ("run --conf x", "pose-edge run", "unknown option --conf; did you mean --config?"),
    ],
)
def test_a_mistake_shows_the_usage_of_its_command_and_the_nearest_word(
    line: str, usage: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as error:
        parse_line(line)
    assert says in str(error.value)
    shown = capsys.readouterr()
    assert shown.out == ""
    (text,) = shown.err.splitlines()
    assert text.startswith(f"usage: {usage}")


@pytest.mark.parametrize("line", ["", "models", "bench", "config", "service"])
def test_without_a_command_the_help_is_printed(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse_line(line)
    assert end.value.code == 2
    alone = capsys.readouterr()
    assert alone.err == ""
    with pytest.raises(SystemExit) as end:
        parse_line(f"{line} --help")
    assert end.value.code == 0
    assert capsys.readouterr().out == alone.out


def test_help_is_a_word_too(capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("help models list", "models list --help", "models list -h"):
        with pytest.raises(SystemExit) as end:
            parse_line(line)
        assert end.value.code == 0
    first, *others = capsys.readouterr().out.split("usage: ")[1:]
    assert others == [first, first]


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_the_version_is_printed_everywhere(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse_line(f"{command} --version")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("pose-edge ")


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_the_help_groups_the_global_options_and_ends_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_line(f"{command} --help")
    text = capsys.readouterr().out
    own, _, global_options = text.partition("global options:\n")
    assert "--help" not in own
    assert "--version" in global_options
    assert "\n  --set" not in own
    assert ("\n  --set" in global_options) == (command in COMMANDS)
    examples = global_options.partition("examples:\n")[2].splitlines()
    assert len(examples) >= 4
    assert max(map(len, text.splitlines())) <= 90


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_example_can_be_typed(command: str) -> None:
    assert len(EXAMPLES[command]) >= 2
    for line, meaning in EXAMPLES[command]:
        words = shlex.split(line.removeprefix("sudo ").partition(" >")[0].partition(" |")[0])
        assert words[0] == "pose-edge"
        assert not meaning.endswith(".")
        if words[-1] != "--help":
            assert parse(words[1:]).command.startswith(command)


def test_inputs_may_stand_around_options() -> None:
    options = parse(["annotate", "a.jpg", "--force", "b.jpg", "--poses", "x", "c.mp4"])
    assert options.inputs == ["a.jpg", "b.jpg", "c.mp4"]
    assert options.poses == "x"
    assert parse(["bench", "model", "--runs", "3", "a", "--json", "b"]).names == ["a", "b"]
