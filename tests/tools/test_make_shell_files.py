"""Completion and manual page work and contain all commands."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess

import man_page
import pytest

from pose_edge.cli.parser import make_parser
from pose_edge.util import resources
from pose_edge.zoo.registry import Zoo

AGAIN = "pip install shtab; python tools/make_shell_files.py"


def leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    inner = [
        one
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for one in action.choices.values()
    ]
    return [leaf for one in inner for leaf in leaves(one)] or [parser]


def flags(parser: argparse.ArgumentParser) -> set[str]:
    return {
        name
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for name in action.option_strings
    }


def test_the_page_is_that_of_the_commands() -> None:
    assert resources.man_page().read_text(encoding="utf-8") == man_page.render(), AGAIN


def test_completion_knows_every_option_of_every_command() -> None:
    bash = resources.completion("bash").read_text(encoding="utf-8")
    zsh = resources.completion("zsh").read_text(encoding="utf-8")
    known = dict(re.findall(r"^_shtab_(\w+)_option_strings=\((.*)\)$", bash, re.MULTILINE))
    for leaf in leaves(make_parser()):
        name = re.sub(r"\W", "_", leaf.prog)
        assert set(known[name].split()) == flags(leaf), f"{leaf.prog}: {AGAIN}"
        assert all(flag in zsh for flag in flags(leaf)), f"{leaf.prog}: {AGAIN}"


def test_completion_knows_every_model() -> None:
    zoo = Zoo()
    for shell in ("bash", "zsh"):
        text = resources.completion(shell).read_text(encoding="utf-8")
        known = set(re.findall(r"[\w-]+", text))
        missing = {*zoo.entries, *zoo.downloads} - known
        assert not missing, AGAIN


def complete(*words: str) -> set[str]:
    """Return bash's completions for the last word."""
    script = (
        f"source {resources.completion('bash')}\n"
        "compopt() { :; }\n"
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
        '_shtab_pose_edge; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    command = ["bash", "--norc", "-c", script, "bash", "pose-edge", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (("mod",), {"models"}),
        (("models", "f"), {"fetch"}),
        (("run", "--ma"), {"--max-frames"}),
        (("run", "--edgetpu", ""), {"auto", "on", "off"}),
        (("run", "--model", "movenet-multi"), {"movenet-multipose-int8"}),
        (("annotate", "in.mp4", "--display"), set()),
        (("eval", "--crop", ""), {"frame", "box"}),
        (("completion", ""), {"bash", "zsh"}),
        (("config", "show", "--set", "camera.fp"), {"camera.fps="}),
        (("models", "info", "posenet-mobilenet-"), {"posenet-mobilenet-257"}),
    ],
)
def test_bash_completes(words: tuple[str, ...], offers: set[str]) -> None:
    assert complete(*words) == offers


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shells_can_read_it(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", str(resources.completion(shell))], check=True, timeout=60)


def test_man_can_read_the_page() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbou", str(resources.man_page())],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "--max-frames N" in done.stdout
    assert "EXIT STATUS" in done.stdout
