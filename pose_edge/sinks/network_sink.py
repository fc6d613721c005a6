"""A sink that sends results over the network: it drops the oldest rather than wait for a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from pose_edge.config.section import Section
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.writer import Writer
from pose_edge.supervision.supervisor import Supervisor

QUEUE_LENGTH: Final = 32
"""Most messages that may wait for a slow peer, a second at 30 frames per second; then the oldest
one is dropped."""

Options = TypeVar("Options", bound=Section)

OpenWriter = Callable[[], Writer[PoseMessage]]
"""Creates a writer, in the sink's thread. An unreachable peer is not an error: the writer is
`waiting`, and its `tick` tries again every few seconds."""


class NetworkSink(RestartingSink[[PoseMessage], PoseMessage], Generic[Options]):
    """Sends messages to peers, or to nobody if the settings name no peer.

    Messages dropped because no peer was reachable, or because one was slow, are counted and logged.
    Unlike with files this is no failure of the run, unless nothing at all was sent.
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
        """Initialise the sink; `open` starts it.

        Args:
            name: Name of the sink, its thread and its section of the settings, e.g. "udp".
            choose: Returns the function that creates the writer for given settings, or None for no
                output. It checks the settings as far as possible without a peer, and raises
                `PoseEdgeError`.
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
        """Check settings as `change` does, without applying them.

        Raises:
            PoseEdgeError: The settings cannot be used.
        """
        if settings != self._settings:
            self._choose(settings)

    def change(self, settings: Options) -> None:
        """Continue with other settings; nothing happens when they are unchanged.

        Raises:
            PoseEdgeError: The settings cannot be used; the current ones stay in force.
        """
        if settings != self._settings:
            self.switch(self._choose(settings))
            self._settings = settings

    def failures(self) -> list[str]:
        """Return, after `close`, why nothing at all was sent; empty if anything was."""
        if self.written or not (self.failed or self.lost or self.dropped):
            return []
        return [f"{self.name}: nothing was sent: {self.failed or 'no peer was there in time'}"]
