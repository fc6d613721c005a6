"""Extracts commands, code, links and anchors from the project's Markdown pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from checkout import REPOSITORY
from markdown_it import MarkdownIt
from markdown_it.token import Token

DOCS: Final = REPOSITORY / "docs"
PAGES: Final = (
    *(REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted(DOCS.glob("*.md")),
)
"""The pages whose commands the tests run."""

NEEDS: Final = re.compile(r"<!-- needs: (.+) -->")
SEPARATORS: Final = frozenset(("|", "&&", "||", ";"))


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line of a page.

    Attributes:
        text: The command line, joined to one line and without comments.
        page: Path of the page in the checkout.
        needs: What the command needs that tests do not have; "" for nothing.
        block: Whether it is in a code block, rather than in running text.
    """

    text: str
    page: str
    needs: str
    block: bool

    def programs(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the name (without folder) and arguments of each program of the line."""
        words: list[str] = []
        for word in [*_split(self.text), ";"]:
            if word == ">" or (words and words[-1] == ">"):  # a redirection and its file
                words = [*words, word] if word == ">" else words[:-1]
            elif word not in SEPARATORS:
                words.append(word)
            else:
                yield from _program(words)
                words = []

    @property
    def runs(self) -> bool:
        """Whether tests can run it: it needs neither anything special nor root."""
        return not self.needs and "sudo" not in _split(self.text)


def _program(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the program that a command starts, and its arguments; nothing if there is none."""
    while words and (words[0] == "sudo" or words[0].startswith("-") or "=" in words[0]):
        # skip sudo's options -H and -u; -u has a value
        words = words[2:] if words[0].startswith("-") and "u" in words[0] else words[1:]
    if words:
        program = words[0] if words[0].startswith("script/") else Path(words[0]).name
        yield program, words[1:]


def _split(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;>")
    lexer.whitespace_split = True
    return list(lexer)


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")))


def inline_tokens(page: Path) -> Iterator[Token]:
    """Yield the inline tokens of a page."""
    for token in tokens(page):
        yield from token.children or ()


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, str]]:
    """Yield content and needs (see `CommandLine`) of a page's fenced blocks in some languages."""
    before = ""
    for token in tokens(page):
        if token.type == "fence" and token.info in languages:
            match = NEEDS.fullmatch(before.strip())
            yield token.content, match[1] if match else ""
        before = token.content if token.type == "html_block" else ""


def code_spans(page: Path) -> Iterator[tuple[str, str]]:
    """Yield content and needs (see `CommandLine`) of a page's code spans."""
    children = list(inline_tokens(page))
    for index, token in enumerate(children):
        if token.type == "code_inline":
            after = "".join(child.content for child in children[index + 1 : index + 3])
            match = NEEDS.match(after.strip())
            yield token.content, match[1] if match else ""


def command_lines(page: Path) -> Iterator[CommandLine]:
    """Yield all command lines in the page's blocks, and our own commands in its texts."""
    name = str(page.relative_to(REPOSITORY))
    for content, needs in blocks(page, "", "sh"):
        for line in content.replace("\\\n", " ").splitlines():
            text = " ".join(line.partition(" #")[0].split())
            if text and not text.startswith("#"):
                yield CommandLine(text, name, needs, block=True)
    for text, needs in code_spans(page):
        if re.match(r"(sudo .*)?(\S*bin/)?(pose-edge|python3?) |script/(run|test)\b", text):
            yield CommandLine(text, name, needs, block=False)


def emphasised(page: Path) -> Iterator[str]:
    """Yield the texts in italics."""
    text: str | None = None
    for token in inline_tokens(page):
        if token.type == "em_open":
            text = ""
        elif token.type == "em_close" and text is not None:
            yield text
            text = None
        elif text is not None:
            text += token.content


def links(page: Path) -> Iterator[str]:
    """Yield the targets of links and the sources of pictures."""
    for token in inline_tokens(page):
        target = token.attrGet("href" if token.type == "link_open" else "src")
        if target is not None:
            yield str(target)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub generates from the page's headings."""
    result: set[str] = set()
    heading = False
    for token in tokens(page):
        if heading:
            words = "".join(child.content for child in token.children or ())
            result.add(re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))
        heading = token.type == "heading_open"
    return result
