"""Browser pages, and runs of the program that serve them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from command import Command, Log
from playwright.sync_api import Browser, BrowserContext, Page


@dataclass
class Served:
    """A run that serves its page.

    Attributes:
        command: Starts runs.
        arguments: Arguments of `pose-edge run`.
        port: Port that the page is served on.
        log: The run's log.
    """

    command: Command
    arguments: tuple[str, ...]
    port: int
    log: Log = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    @property
    def address(self) -> str:
        """URL of the page on this machine."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the run, and wait until it serves."""
        self.log = Log(self.command.start("run", *self.arguments))
        self.log.wait_for(f":{self.port}")


@dataclass
class Browsing:
    """Pages of one browser, and the errors that occurred in them."""

    browser: Browser
    stack: ExitStack
    faults: list[str] = field(default_factory=list)
    requested: set[str] = field(default_factory=set)

    def open(self, address: str, **options: Any) -> Page:  # noqa: ANN401 - Playwright's
        """Open a page in its own context, with Playwright's options for a context."""
        context = self.browser.new_context(**options)
        self.stack.callback(context.close)
        return self.open_tab(context, address)

    def open_tab(self, context: BrowserContext, address: str) -> Page:
        """Open another page in the same context."""
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.requested.add(request.url))
        page.goto(address)
        return page
