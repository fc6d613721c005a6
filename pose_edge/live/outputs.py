"""The outputs of a run besides its screen and its recording: all that carry poses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pose_edge.config.outputs import StorageSettings
from pose_edge.config.schema import Settings
from pose_edge.poses import Result
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.jsonl import pose_file
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.network_sink import NetworkSink
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.telemetry import Telemetry
from pose_edge.web.server import WebServer


class Outputs:
    """Hands every result to all outputs that are switched on. A `Sink` of the pipeline.

    An output is one entry in the lists of the constructor; it is named like its section of the
    settings.

    Attributes:
        poses: The pose file.
        people: People in the newest frame.
        web: The page, and all else that clients ask for. The run opens and closes it.
    """

    def __init__(
        self,
        settings: Settings,
        storage: StorageSettings | None,
        telemetry: Telemetry,
        supervisor: Supervisor,
        *,
        replace: bool,
    ) -> None:
        """Prepare; `open` starts.

        Args:
            settings: The settings at the start.
            storage: How files of a live source are kept; None for a source that is a file.
            telemetry: Gets the faults of the outputs.
            supervisor: Replaces writers that fail or hang.
            replace: Whether files may be replaced, of a source that is a file.

        Raises:
            PoseEdgeError: An output can never work with these settings.
        """

        def report(name: str) -> Callable[[str | None], None]:
            return partial(telemetry.set_fault, name)

        self.poses = pose_file(
            settings.poses,
            storage,
            report=report("poses"),
            supervisor=supervisor,
            replace=replace,
        )
        self.people = 0
        self.web = WebServer(settings, report=report("web"), supervisor=supervisor)
        self._files: list[FileSink[[PoseMessage], PoseMessage, Any]] = [self.poses]
        self._peers: list[NetworkSink[Any]] = []

    @property
    def sinks(self) -> list[RestartingSink[[PoseMessage], PoseMessage]]:
        """All outputs, switched on or not."""
        return [*self._files, *self._peers]

    def open(self) -> None:
        """Start writing.

        Raises:
            OutputError: One of them can never be written to.
        """
        for sink in self.sinks:
            sink.open()

    def send(self, result: Result) -> None:
        """Hand a result to all outputs."""
        self.people = len(result.poses)
        active = [sink for sink in self.sinks if sink.active]
        feed = self.web.poses
        if active or feed.active:
            message = PoseMessage.of(result)
            for sink in active:
                sink.send(message)
            if feed.active:
                feed.send(message)

    def check(self, settings: Settings, storage: StorageSettings | None) -> None:
        """Raise what `change` would; the arguments are those of the constructor."""
        for file in self._files:
            file.check(getattr(settings, file.name), storage)
        for peer in self._peers:
            peer.check(getattr(settings, peer.name))
        self.web.check(settings)

    def change(self, settings: Settings, storage: StorageSettings | None) -> None:
        """Go on with other settings; an output whose settings are the same is not touched.

        Raises:
            PoseEdgeError: One of them cannot be used; see `check`.
        """
        for file in self._files:
            file.change(getattr(settings, file.name), storage)
        for peer in self._peers:
            peer.change(getattr(settings, peer.name))
        self.web.change(settings)
