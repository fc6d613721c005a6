"""A display that opens a screen as soon as there is one, and reopens it after it was lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from pose_edge.displays.choice import Choice
from pose_edge.displays.display import DesktopEnded, Display, ScreenYielded
from pose_edge.errors import DisplayError
from pose_edge.overlay import Scene
from pose_edge.supervision.backoff import Backoff
from pose_edge.telemetry import Stopwatch

CHECK_INTERVAL_S: Final = 0.5
"""Interval between two searches for a screen, seconds."""

FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 8.0
"""Shortest and longest backoff after a screen failed or could not be opened, seconds."""

PROVEN_S: Final = 5.0
"""Time that a screen must have been open for its failure to reset the backoff, seconds."""

log = logging.getLogger(__name__)


class ReconnectingDisplay(Display):
    """The screen of a run, or none while none is connected.

    Failures of a screen are reported instead of raised, and the screen is reopened later. Only
    `DesktopEnded` propagates.
    """

    def __init__(
        self,
        find_choices: Callable[[], Sequence[Choice]],
        open_choice: Callable[[Choice], Display],
        report: Callable[[str | None], None],
        *,
        prepare: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the display without opening a screen; see `try_to_open`.

        Args:
            find_choices: Returns the screens that may be opened now, best first; called often.
            open_choice: Opens one of these screens, or raises `DisplayError`.
            report: Called with the screen's fault, and with None when the screen works.
            prepare: Does slow work that needs no screen; called once, while there is no screen.
            clock: Returns monotonic seconds.
        """
        self._find_choices = find_choices
        self._open_choice = open_choice
        self._report = report
        self._prepare: Callable[[], object] | None = prepare
        self._clock = clock
        self._display = Display()
        self._backoff = Backoff(FIRST_RETRY_S, LAST_RETRY_S)
        self._choices: Sequence[Choice] = ()
        self._next_look = 0.0
        self._next_try = 0.0
        self._opened = 0.0
        self._warned = ""

    @property
    def name(self) -> str:
        """The name of the open screen, or "none"; thread-safe."""
        return self._display.name

    @property
    def visible(self) -> bool:
        """Whether a screen is open."""
        return self._display.visible

    @property
    def poll_interval_s(self) -> float:
        """The interval of the open screen, or `CHECK_INTERVAL_S` while there is none."""
        return self._display.poll_interval_s if self.visible else CHECK_INTERVAL_S

    def try_to_open(self) -> list[DisplayError]:
        """Open the best screen that can be opened; do nothing while a retry is not due yet.

        Returns:
            The errors of the screens that could not be opened.
        """
        now = self._clock()
        self._next_look = now + CHECK_INTERVAL_S
        found = self._find_choices()
        if found != self._choices:  # e.g. a screen was plugged in or replaced
            self._choices = found
            self._backoff.reset()
            self._next_try = now
        errors: list[DisplayError] = []
        if not found or now < self._next_try:
            return errors
        for choice in found:
            try:
                self._display = self._open_choice(choice)
            except DisplayError as error:
                errors.append(error)
            else:
                log.info("display: %s (%s)", self.name, choice.reason)
                self._opened = self._clock()
                self._report(None)
                return errors
        self._next_try = self._clock() + self._backoff.next()
        return errors

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Show a scene if there is a screen; return whether it is visible now."""
        shown = False
        with self._lose_on_error():
            shown = self._display.show(scene, stopwatch)
        return shown  # noqa: RET504 - an error leaves it False

    def poll(self) -> list[str]:
        """Return the keys that were pressed; without a screen, look for one from time to time.

        That is done every `CHECK_INTERVAL_S` seconds. A screen that this call opens (see `visible`)
        stays empty until the next `show`.
        """
        keys: list[str] = []
        if self.visible:
            with self._lose_on_error():
                keys = self._display.poll()
        elif self._clock() >= self._next_look:
            errors = self.try_to_open()
            if errors and not self.visible:
                self._warn("; ".join(map(str, errors)))
            elif not self.visible and self._prepare is not None:
                prepare, self._prepare = self._prepare, None
                with suppress(DisplayError):  # opening a screen raises it again
                    prepare()
        return keys

    def toggle_fullscreen(self) -> bool | None:
        """See `Display.toggle_fullscreen`."""
        return self._display.toggle_fullscreen()

    def close(self) -> None:
        """Release the screen; a second call does nothing."""
        display, self._display = self._display, Display()
        display.close()

    @contextmanager
    def _lose_on_error(self) -> Iterator[None]:
        try:
            yield
        except DesktopEnded:
            raise
        except Exception as error:  # noqa: BLE001 - reported; the run goes on without a screen
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        if not isinstance(error, DisplayError):
            log.debug("the screen has failed", exc_info=error)
            error = DisplayError(f"the screen has failed: {error or type(error).__name__}")
        try:
            self.close()
        except Exception as second:  # noqa: BLE001 - the screen is lost all the same
            log.debug("a screen that was lost could not be closed: %s", second)
        now = self._clock()
        if now - self._opened >= PROVEN_S:
            self._backoff.reset()
            self._warned = ""
        self._next_look = self._next_try = now + self._backoff.next()
        if isinstance(error, ScreenYielded):
            log.info("%s", error)
            self._report(None)
        else:
            self._warn(str(error))

    def _warn(self, fault: str) -> None:
        self._report(fault)
        # Warn once for attempts that fail for the same reason.
        level = logging.DEBUG if fault == self._warned else logging.WARNING
        log.log(level, "%s; the run goes on without a picture", fault)
        self._warned = fault
