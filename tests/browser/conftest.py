"""Fixtures: a browser, and runs of the program that serve a page for it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from browsing import Browsing, Served
from command import Command
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


# Not for a whole session: Playwright's event loop counts as running until it is closed, and tests
# that start one themselves would fail in the same process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Launch a headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def browsing(browser: Browser) -> Iterator[Browsing]:
    with ExitStack() as stack:
        yield Browsing(browser, stack)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Return a function that starts a run serving its page on a free port of this machine."""
    command = Command(tmp_path)

    def start(*arguments: str, host: str = "127.0.0.1") -> Served:
        with socket.create_server((host, 0)) as server:
            port = server.getsockname()[1]
        clip = ("demo", "--set", "source.loop=true", "--display", "none", "--threads", "1")
        listen = ("--web", f"{host}:{port}")
        return Served(command, (*clip, *listen, *arguments), port)

    yield start
    command.kill_all()
