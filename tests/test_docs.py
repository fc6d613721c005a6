"""The documentation names files that exist."""

from __future__ import annotations

import re

import pytest
from checkout import REPOSITORY

DOCS = REPOSITORY / "docs"


@pytest.mark.parametrize("name", ["architecture.md", "python.md"])
def test_the_files_that_are_named_exist(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    words = set(re.findall(r"[\w./-]+\.py\b|`[\w./-]+/`", page)) - {"program.py"}
    places = (REPOSITORY, REPOSITORY / "pose_edge", DOCS)
    missing = [
        word for word in words if not any((place / word.strip("`")).exists() for place in places)
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["architecture.md", "python.md"])
def test_the_links_lead_somewhere(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", page)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_every_dependency_has_its_line() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    setup = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8")
    required = setup.partition("install_requires =")[2].partition("[options.extras_require]")[0]
    names = {re.split(r"[<>=~;]", line.strip())[0] for line in required.splitlines() if line}
    assert names - {""} <= set(re.findall(r"^\| `([\w-]+)`", page, re.MULTILINE))
