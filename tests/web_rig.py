"""A web server in this process, with a simulated run behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import numpy as np
from helpers import make_frame, make_result, wait_until

from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.frames import Image
from pose_edge.live.choices import with_value
from pose_edge.overlay import Drawing, Scene
from pose_edge.poses import Provenance
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.run_state import PartState, RunState
from pose_edge.sinks.steering import NOT_CHANGED
from pose_edge.supervision.supervisor import State, Supervisor
from pose_edge.telemetry import Summary
from pose_edge.web.run_access import RunAccess
from pose_edge.web.server import WebServer

JSON = {"Content-Type": "application/json"}
TOKEN = "correct-horse-battery"

T = TypeVar("T")


def made_up_state(**values: Any) -> RunState:  # noqa: ANN401 - fields of the state
    """Return the state of a run without faults; `values` replaces fields."""
    state: dict[str, Any] = {
        "uptime_s": 12.0,
        "source": "/dev/video0",
        "live": True,
        "screen": "none",
        "paused": False,
        "provenance": Provenance("movenet-lightning-int8", "cpu"),
        "camera_fps": 30.0,
        "poses_fps": 29.0,
        "processed": 300,
        "skipped": 3,
        "people": 1,
        "stages": {"wait": Summary(2.0, 4.0, 300), "inference": Summary(8.0, 9.0, 300)},
        "faults": {},
        "parts": (PartState("source", State.RUNNING, "/dev/video0", 0),),
        "outputs": (),
        "temperature": 51.3,
    }
    return RunState(**{**state, **values})


class Rig:
    """A web server and the parts of a run that it uses.

    Attributes:
        settings: The settings in force.
        faults: Faults that the server reported, newest last; None when a fault is over.
        changes: Key and value of each requested change of a setting.
        overridden: Keys of settings that the command line sets.
    """

    def __init__(self, settings: Settings, config: Path | None = None) -> None:
        self.settings = self.configured = settings
        self.state = made_up_state()
        self.scene_size = (320, 180)
        self.has_picture = True
        self.faults: list[str | None] = []
        self.changes: list[tuple[str, object]] = []
        self.overridden: list[str] = []
        self.supervisor = Supervisor()
        self.server = WebServer(settings, report=self.faults.append, supervisor=self.supervisor)
        self.access = RunAccess(
            state=lambda: self.state,
            steering=self,
            settings=lambda: self.settings,
            configured=lambda: self.configured,
            take_picture=self._take_picture,
            config=config,
            kept=self._kept,
        )

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        """Change a setting, as `Steering.change` does."""
        self.changes.append((key, value))
        try:
            self.settings = with_value(self.settings, key, value)
        except PoseEdgeError as error:
            answer(f"{NOT_CHANGED}{error.message}")
        else:
            answer(f"{key}: {value}")

    def _kept(self, values: Mapping[str, Any]) -> list[str]:
        for key, value in values.items():
            if key not in self.overridden:
                self.configured = with_value(self.configured, key, value)
        return [key for key in values if key in self.overridden]

    def _take_picture(
        self, take: Callable[[Scene, Image], None], no_picture: Callable[[], None]
    ) -> None:
        if self.has_picture:
            take(self.scene(), self.picture())
        else:
            no_picture()

    def scene(self) -> Scene:
        """Return a scene of one colour."""
        return Scene(self.scene_size, lambda _size, _place: Drawing(), self.picture())

    def picture(self, value: int = 90) -> Image:
        """Return a picture of one colour."""
        width, height = self.scene_size
        return np.full((height, width, 3), value, np.uint8)

    def open(self) -> None:
        """Open the server, and wait until it serves or reports a fault."""
        self.server.open(self.access)
        wait_until(lambda: bool(self.places) or bool(self.faults and self.faults[-1]))

    @property
    def places(self) -> str:
        """Address at which it serves, e.g. "127.0.0.1:8080"; empty while it does not."""
        parts = [part for part in self.supervisor.parts if part.name == "web"]
        running = [part.detail for part in parts if part.state is State.RUNNING]
        return running[0] if running else ""

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """Return the URL of a path on the server."""
        port = self.places.rpartition(":")[2]
        return f"{scheme}://127.0.0.1:{port}{path}"

    @property
    def port(self) -> int:
        """The server's port."""
        return int(self.places.rpartition(":")[2])

    def send(self, index: int = 0) -> None:
        """Send a result to the clients of the pose lines."""
        self.server.poses.send(PoseMessage.of(make_result(make_frame(index=index))))

    def show(self, value: int = 90) -> bool:
        """Provide a picture if one is due; return whether it was."""
        due = self.server.picture.due() or self.server.picture.due_again()
        if due:
            self.server.picture.put(self.picture(value), "BGR")
        return due


@contextmanager
def serving(
    config: Path | None = None, state: RunState | None = None, **sections: dict[str, Any]
) -> Iterator[Rig]:
    """Serve the page; `sections` changes the settings."""
    web = {"enabled": True, "listen": "0", **sections.pop("web", {})}
    rig = Rig(Settings.model_validate({"web": web, **sections}), config)
    rig.state = state or rig.state
    rig.open()
    try:
        yield rig
    finally:
        rig.server.close()


def with_client(use: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
    """Run a coroutine function with an HTTP client, and return its result."""

    async def run() -> T:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            return await use(client)

    return asyncio.run(run())


def get(rig: Rig, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a GET request."""
    return request(rig, "GET", path, headers=headers)


def request(
    rig: Rig,
    method: str,
    path: str,
    *,
    json: object = None,
    headers: dict[str, str] | None = None,
    data: bytes | dict[str, str] | None = None,
) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a request; redirections are not followed."""

    async def use(client: aiohttp.ClientSession) -> tuple[int, bytes, dict[str, str]]:
        async with client.request(
            method, rig.url(path), json=json, headers=headers, data=data, allow_redirects=False
        ) as response:
            return response.status, await response.read(), dict(response.headers)

    return with_client(use)
