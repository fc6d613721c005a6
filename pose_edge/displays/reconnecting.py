"""Keeps a screen on: opens it when there is one, notices that it went, and opens it again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from pose_edge.displays.choice import Choice
from pose_edge.displays.console import ScreenYielded
from pose_edge.displays.null import NullDisplay
from pose_edge.errors import DisplayError
from pose_edge.overlay import Scene
from pose_edge.supervision.backoff import Backoff
from pose_edge.telemetry import Stopwatch

LOOK_S: Final = 0.5
"""How often it is looked whether there is a screen."""

FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 8.0
"""Waits after a screen that is there could not be opened."""

PROVEN_S: Final = 5.0
"""A screen that was open for so long works: when it fails then, it is opened again at once."""

log = logging.getLogger(__name__)


class ReconnectingDisplay(NullDisplay):
    """The screen of a run, whether one is there or not; see `pose_edge.displays.Display`.

    Its methods do not fail, whatever a screen does: what goes wrong is reported, and tried again.
    """

    def __init__(
        self,
        look: Callable[[], Sequence[Choice]],
        open_choice: Callable[[Choice], NullDisplay],
        report: Callable[[str | None], None],
        *,
        prepare: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look after screens; none is open yet.

        Args:
            look: Says what may be opened now, best first; called often.
            open_choice: Opens one of those, or raises `DisplayError`.
            report: Told what is wrong with the screen, and None when it works.
            prepare: Does what takes time and needs no screen; called once, when one is waited for.
            clock: Seconds that only increase.
        """
        self._look = look
        self._prepare: Callable[[], None] | None = prepare
        self._open_choice = open_choice
        self._report = report
        self._clock = clock
        self._display: NullDisplay | None = None
        self._backoff = Backoff(FIRST_RETRY_S, LAST_RETRY_S)
        self._seen: Sequence[Choice] = ()
        self._next_look = 0.0
        self._next_try = 0.0
        self._opened = 0.0
        self._said = ""

    @property
    def name(self) -> str:
        """What is open, or "none"; other threads may ask too."""
        display = self._display
        return display.name if display else "none"

    @property
    def visible(self) -> bool:
        """Whether a screen is open."""
        return self._display is not None

    def try_to_open(self) -> list[DisplayError]:
        """Look, and open the best that there is and that can be opened.

        Returns:
            Why each of those that were tried cannot be opened.
        """
        now = self._clock()
        self._next_look = now + LOOK_S
        found = self._look()
        if found != self._seen:  # a screen was plugged in, or another one
            self._seen = found
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
                log.info("display: %s (%s)", self._display.name, choice.reason)
                self._opened = self._clock()
                self._report(None)
                return errors
        self._next_try = self._clock() + self._backoff.next()
        return errors

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Show a scene where there is a screen; see `Display.show`."""
        if self._display is None:
            return False
        try:
            return self._display.show(scene, stopwatch)
        except Exception as error:  # noqa: BLE001 - said; whatever it is, the rest goes on
            self._lose(error)
            return False

    def poll(self) -> list[str]:
        """Handle keys, and now and then look for a screen where there is none.

        Returns:
            Keys as of `Display.poll`, and "opened" when a screen came that shows nothing yet.
        """
        if self._display is not None:
            try:
                return self._display.poll()
            except Exception as error:  # noqa: BLE001 - as above
                self._lose(error)
                return []
        if self._clock() < self._next_look:
            return []
        errors = self.try_to_open()
        if self.visible:
            return ["opened"]
        if errors:
            self._say("; ".join(str(error) for error in errors))
        elif self._prepare is not None:
            prepare, self._prepare = self._prepare, None
            prepare()
        return []

    def toggle_fullscreen(self) -> None:
        """Switch between full screen and window, where there is one."""
        if self._display is not None:
            self._display.toggle_fullscreen()

    def close(self) -> None:
        """Give the screen back; closing twice does no harm."""
        display, self._display = self._display, None
        if display is not None:
            display.close()

    def _lose(self, error: Exception) -> None:
        if not isinstance(error, DisplayError):
            log.debug("the screen has failed", exc_info=error)
            error = DisplayError(f"the screen has failed: {error or type(error).__name__}")
        try:
            self.close()
        except Exception as again:  # noqa: BLE001 - it is lost all the same
            log.debug("a screen that was lost could not be closed: %s", again)
        now = self._clock()
        if now - self._opened >= PROVEN_S:
            self._backoff.reset()
            self._said = ""
        self._next_look = self._next_try = now + self._backoff.next()
        if isinstance(error, ScreenYielded):
            log.info("%s", error)
            self._report(None)
        else:
            self._say(str(error))

    def _say(self, fault: str) -> None:
        self._report(fault)
        # The same reason comes with every attempt: once is enough.
        level = logging.DEBUG if fault == self._said else logging.WARNING
        log.log(level, "%s; the run goes on without a picture", fault)
        self._said = fault
