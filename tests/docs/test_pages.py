"""Links in the pages have a target, and the lists in the pages are complete."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY
from documentation import DOCS, anchors, blocks, code_spans, links
from make_configuration_page import PAGE, make_page

from pose_edge.cli.arguments import COMMANDS

FILES = {".py", ".md", ".yaml", ".cfg"}
EVERYWHERE = sorted(
    path
    for path in REPOSITORY.rglob("*.md")
    if not {".venv", "build", ".pytest_cache"} & set(path.relative_to(REPOSITORY).parts)
)


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(REPOSITORY)) for page in pages]


@pytest.mark.parametrize("page", EVERYWHERE, ids=names(EVERYWHERE))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        place, _, anchor = link.partition("#")
        if "://" in link or link.startswith(("mailto:", "../../issues")):
            continue
        target = page if not place else (page.parent / place).resolve()
        exists = target.is_relative_to(REPOSITORY) and target.exists()
        if not exists or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_the_readme_is_short() -> None:
    assert (REPOSITORY / "README.md").stat().st_size <= 6000


@pytest.mark.parametrize("command", ["script/run", "script/test"])
def test_the_readme_has_the_two_commands_by_themselves(command: str) -> None:
    contents = [content for content, _needs in blocks(REPOSITORY / "README.md", "")]
    assert f"{command}\n" in contents


def test_the_index_names_every_page() -> None:
    index = DOCS / "README.md"
    assert {page.name for page in DOCS.glob("*.md")} - {index.name} <= set(links(index))


def test_the_page_of_settings_is_what_the_schema_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == make_page(), (
        "python tools/make_configuration_page.py"
    )


def test_every_command_is_listed() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| `pose-edge ")]
    for command in COMMANDS:
        group, _, name = command.partition(" ")
        (row,) = [row for row in rows if row.startswith(f"| `pose-edge {group}")]
        assert not name or re.search(rf"`(pose-edge {group} |{group} )?{name}`", row), command


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/python.md", "CONTRIBUTING.md"])
def test_the_files_that_are_named_exist(name: str) -> None:
    page = (REPOSITORY / name).read_text(encoding="utf-8")
    words = set(re.findall(r"[\w./-]+\.py\b|`[\w./-]+/`", page)) - {"program.py"}
    folders = ("", "pose_edge", "pose_edge/sources", "pose_edge/sinks", "docs")
    places = [REPOSITORY / folder for folder in folders]
    missing = [
        word for word in words if not any((place / word.strip("`")).exists() for place in places)
    ]
    assert missing == []


def test_every_dependency_has_its_line() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    setup = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8")
    required = setup.partition("install_requires =")[2].partition("[options.extras_require]")[0]
    named = {re.split(r"[<>=~;]", line.strip())[0] for line in required.splitlines() if line}
    known = set(re.findall(r"^\| `([\w-]+)`", page, re.MULTILINE))
    assert {name for name in named if name and not name.startswith("#")} <= known


def test_the_issue_form_asks_for_the_doctor() -> None:
    form = yaml.safe_load((REPOSITORY / ".github/ISSUE_TEMPLATE/report.yml").read_text())
    assert {"name", "description", "body"} <= form.keys()
    labels = [item["attributes"].get("label", "") for item in form["body"]]
    assert any("pose-edge doctor --json" in label for label in labels)


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    assert citation["version"] == setup["metadata"]["version"]
    assert citation["license"] == setup["metadata"]["license"]


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_names_of_the_code_exist(name: str) -> None:
    """Checks the classes, functions and constants that the developers' pages name."""
    files = [REPOSITORY / "setup.cfg", *(REPOSITORY / "systemd").iterdir()]
    for folder in ("pose_edge", "tests"):
        files += (REPOSITORY / folder).rglob("*.py")
    words = set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in files)))
    for span, _needs in code_spans(REPOSITORY / name):
        if re.fullmatch(r"[A-Za-z_][\w.]*=?", span) and Path(span).suffix not in FILES:
            assert set(re.findall(r"\w+", span)) <= words, span
