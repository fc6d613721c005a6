"""A sink whose peers are in the network: the newest results win, and none is worth waiting for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from pose_edge.config.section import Section
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.writer import Writer
from pose_edge.supervision.supervisor import Supervisor

QUEUE_LENGTH: Final = 32
"""Messages that wait for a slow peer, a second at 30 frames per second; then the oldest goes."""

Options = TypeVar("Options", bound=Section)

OpenWriter = Callable[[], Writer[PoseMessage]]
"""Makes a writer, in the sink's thread. A peer that is away is no error: the writer is `waiting`,
and tries again at each `tick` that is due, at most a few seconds apart."""


class NetworkSink(RestartingSink[[PoseMessage], PoseMessage], Generic[Options]):
    """Sends messages to peers, or to nobody where the settings name none.

    What is left out because no peer was there, or because one was slow, is counted and logged.
    Unlike with files that is no failure of the run, unless nothing at all was ever sent.
    """

    def __init__(
        self,
        name: str,
        choose: Callable[[Options], OpenWriter | None],
        settings: Options,
        *,
        report: Callable[[str | None], None],
        supervisor: Supervisor | None = None,
    ) -> None:
        """Prepare; `open` starts.

        Args:
            name: Of the sink, its thread and its section of the settings, e.g. "udp".
            choose: Returns what makes the writer for some settings, or None for no output. It
                checks what can be checked without a peer, and raises `PoseEdgeError`.
            settings: The section of the settings.
            report: See `RestartingSink`.
            supervisor: See `RestartingSink`.
        """
        super().__init__(
            name,
            lambda message: message,
            choose(settings),
            capacity=QUEUE_LENGTH,
            drop=True,
            newest=True,
            report=report,
            supervisor=supervisor,
        )
        self._choose = choose
        self._settings = settings

    def check(self, settings: Options) -> None:
        """Raise what `change` would."""
        if settings != self._settings:
            self._choose(settings)

    def change(self, settings: Options) -> None:
        """Go on with other settings; nothing happens when they are the same.

        Raises:
            PoseEdgeError: The settings cannot be used; the present ones stay in force.
        """
        if settings != self._settings:
            self.switch(self._choose(settings))
            self._settings = settings

    def failures(self) -> list[str]:
        """Return, after `close`, why nothing at all was sent; nothing where anything was."""
        if self.written or not (self.failed or self.lost or self.dropped):
            return []
        return [f"{self.name}: nothing was sent: {self.failed or 'no peer was there in time'}"]
