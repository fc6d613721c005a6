"""Fixtures: Debian 12 and 13 for aarch64, with the product installed from its wheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aarch64.machine import Installation, Machine, install
from aarch64.processor import PI_4
from aarch64.root import PYTHONS, missing, unpacked
from checkout import build_wheel

TOLD = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TOLD] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.aarch64)
            item.add_marker(pytest.mark.slow)  # deselecting slow tests leaves these out, too


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in terminalreporter.config.stash[TOLD]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> list[str]:
    """Return the list of lines printed at the end of the test run, to be appended to."""
    return request.config.stash[TOLD]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout, and return its path."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session", params=PYTHONS)
def release(request: pytest.FixtureRequest) -> str:
    """Return the name of a Debian release; skip the test if it cannot be run here."""
    name: str = request.param
    reason = missing(name)
    if reason is not None:
        pytest.skip(reason)
    return name


@pytest.fixture(scope="session")
def installation(release: str, wheel: Path, tell: list[str]) -> Iterator[Installation]:
    """Install the product from its wheel on a freshly unpacked release."""
    with unpacked(release) as root:
        machine = Machine(root, PI_4)
        try:
            made = install(machine, wheel)
            python = machine("python3", "--version").stdout.strip()
        finally:
            machine.close()
        packages = ", ".join(f"{name} {version}" for name, version in made.packages.items())
        tell.append(f"{release}, {python}, installed in {made.seconds:.0f} s: {packages}")
        yield made


@pytest.fixture
def machine(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Machine]:
    """Return the release on the processor given as parameter, by default a Pi 4's."""
    made = Machine(installation.root, getattr(request, "param", PI_4))
    yield made
    made.close()
