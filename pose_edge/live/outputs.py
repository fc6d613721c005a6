"""The outputs that carry poses: all outputs of a run except its screen and its recording."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pose_edge.activity.presence import Presence
from pose_edge.config.outputs import StorageSettings
from pose_edge.config.schema import Settings
from pose_edge.poses import Result
from pose_edge.sinks.csv_table import csv_file
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.jsonl import pose_file
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.mqtt import mqtt_sink
from pose_edge.sinks.network_sink import NetworkSink
from pose_edge.sinks.osc import osc_sink
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.run_state import RunState
from pose_edge.sinks.steering import Steering
from pose_edge.sinks.udp import udp_sink
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.telemetry import Telemetry
from pose_edge.web.server import WebServer


class Outputs:
    """Hands every result to all outputs that are switched on. A `Sink` of the pipeline.

    Each output is one entry in the lists of the constructor. It has the name of its section of the
    settings.

    Attributes:
        people: Number of people in the newest result.
        web: The server of page, pose lines and figures. The run opens and closes it.
    """

    def __init__(
        self,
        settings: Settings,
        storage: StorageSettings | None,
        telemetry: Telemetry,
        supervisor: Supervisor,
        *,
        replace: bool,
        state: Callable[[], RunState],
        steering: Steering,
    ) -> None:
        """Create the outputs; `open` starts them.

        Args:
            settings: The settings at the start.
            storage: How files of a live source are kept; None for a source that is a file.
            telemetry: Gets the faults of the outputs.
            supervisor: Replaces writers that fail or hang.
            replace: Whether existing files may be replaced; only if the source is a file.
            state: Returns the state of the run; called in any thread, but not before `open`.
            steering: Takes the changes of settings that peers request.

        Raises:
            PoseEdgeError: An output can never work with these settings.
        """

        def report(name: str) -> Callable[[str | None], None]:
            return partial(telemetry.set_fault, name)

        self.people = 0
        self.web = WebServer(settings, report=report("web"), supervisor=supervisor)
        self._tracked = settings.tracking.enabled
        self._presence = Presence(settings.events.enter, settings.events.leave)
        self._files: list[FileSink[[PoseMessage], PoseMessage, Any]] = [
            pose_file(
                settings.poses,
                storage,
                report=report("poses"),
                supervisor=supervisor,
                replace=replace,
            ),
            csv_file(
                settings.csv,
                storage,
                report=report("csv"),
                supervisor=supervisor,
                replace=replace,
            ),
        ]
        self._peers: list[NetworkSink[Any]] = [
            udp_sink(settings.udp, report=report("udp"), supervisor=supervisor),
            osc_sink(settings.osc, report=report("osc"), supervisor=supervisor),
            mqtt_sink(settings.mqtt, state, steering, report=report("mqtt"), supervisor=supervisor),
        ]

    @property
    def sinks(self) -> list[RestartingSink[[PoseMessage], PoseMessage]]:
        """All outputs except `web`, whether they are switched on or not."""
        return [*self._files, *self._peers]

    @property
    def unread(self) -> bool:
        """Whether a reader, such as `| head`, has left, and no other output is active."""
        ended = [file for file in self._files if file.ended]
        others = any(one.active for one in self.sinks if one not in ended)
        return bool(ended) and not others and not self.web.poses.active

    def open(self) -> None:
        """Start all outputs except `web`.

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
            message = self._message(result)
            for sink in active:
                sink.send(message)
            if feed.active:
                feed.send(message)

    def _message(self, result: Result) -> PoseMessage:
        """Return the message of a result, with events if people have ids."""
        frame = result.frame
        if not self._tracked or frame.file is not None:
            return PoseMessage.of(result)
        # Not the wall clock, which may be set during the run.
        time_s = frame.captured_ns / 1e9 if frame.live else frame.time
        ids = [pose.id for pose in result.poses if pose.id is not None]
        events = self._presence.update(ids, time_s)
        return PoseMessage.of(result, events=events, people=self._presence.people)

    def check(self, settings: Settings, storage: StorageSettings | None) -> None:
        """Check settings as `change` does, and raise its errors, without applying them."""
        for file in self._files:
            file.check(getattr(settings, file.name), storage)
        for peer in self._peers:
            peer.check(getattr(settings, peer.name))
        self.web.check(settings)

    def change(self, settings: Settings, storage: StorageSettings | None) -> None:
        """Apply other settings; an output whose settings are the same is left alone.

        Args:
            settings: The new settings.
            storage: As for the constructor.

        Raises:
            PoseEdgeError: An output cannot work with them. Call `check` first, to change nothing
                in that case.
        """
        self._tracked = settings.tracking.enabled
        self._presence.change(settings.events.enter, settings.events.leave)
        for file in self._files:
            file.change(getattr(settings, file.name), storage)
        for peer in self._peers:
            peer.change(getattr(settings, peer.name))
        self.web.change(settings)
