"""The web page of a real run."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import cv2
import numpy as np
from command import Command, Log, read_lines
from helpers import wait_until

READY = re.compile(r"web: page at (http://127\.0\.0\.1:\d+)\n")


class PagedRun:
    """A run of the demo clip with a web page."""

    def __init__(self, pose_edge: Command, *arguments: str | Path) -> None:
        self.process = pose_edge.start(
            "run", "demo", "--display", "web", "--web", "0", "--set", "source.loop=true", *arguments
        )
        self.log = Log(self.process)
        wait_until(lambda: READY.search(self.log.text) is not None, "a page")
        found = READY.search(self.log.text)
        assert found is not None
        self.url = f"{found[1]}/"

    async def state(self, client: aiohttp.ClientSession) -> dict[str, Any]:
        async with client.get(f"{self.url}api/state") as response:
            state: dict[str, Any] = await response.json()
            return state

    async def wait_for(self, client: aiohttp.ClientSession, key: str, value: object) -> None:
        """Wait until a key of the page's state has a value."""
        deadline = time.monotonic() + 60
        while (state := await self.state(client))[key] != value:
            assert time.monotonic() < deadline, state
            await asyncio.sleep(0.05)

    async def wait_until_recorded(self, client: aiohttp.ClientSession) -> None:
        """Wait until a recording has more than 3 frames."""
        while not any(
            output["name"] == "recording" and output["written"] > 3
            for output in (await self.state(client))["outputs"]
        ):
            await asyncio.sleep(0.05)

    async def files(self, client: aiohttp.ClientSession) -> list[str]:
        async with client.get(f"{self.url}api/files") as response:
            return [file["kind"] for file in (await response.json())["files"]]

    async def post(
        self, client: aiohttp.ClientSession, path: str, body: object
    ) -> tuple[int, bytes]:
        async with client.post(f"{self.url}{path}", json=body) as response:
            return response.status, await response.read()


def test_a_page_watches_and_steers_a_run(pose_edge: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("camera:  # mine\n  mirror: false\n", encoding="utf-8")
    run = PagedRun(pose_edge, "--config", config)

    async def use() -> None:
        async with aiohttp.ClientSession() as client:
            await watch(client)
            await steer(client)

    async def watch(client: aiohttp.ClientSession) -> None:
        async with client.ws_connect(f"{run.url}poses") as poses:
            line = json.loads((await poses.receive()).data)
            assert line["frame"] == [1280, 720]
            assert line["poses"]
        async with client.get(f"{run.url}stream.mjpg") as stream:
            head = await stream.content.readuntil(b"\r\n\r\n")
            length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            picture = decoded(await stream.content.readexactly(length))
            assert picture.shape == (360, 640, 3)
        state = await run.state(client)
        assert state["screen"] == "web"
        assert state["people"] == 1
        async with client.get(f"{run.url}healthz") as response:
            assert response.status == 200

    async def steer(client: aiohttp.ClientSession) -> None:
        status, body = await run.post(client, "api/snapshot", {})
        assert (status, decoded(body).shape) == (200, (720, 1280, 3))
        model = {"key": "model.name", "value": "movenet-lightning-fp16"}
        assert (await run.post(client, "api/settings", model))[0] == 200
        await run.wait_for(client, "model", "movenet-lightning-fp16")
        await run.post(client, "api/settings", {"key": "camera.mirror", "value": True})
        await run.post(client, "api/settings", {"key": "overlay.background", "value": "black"})
        assert (await run.post(client, "api/keep", {}))[0] == 200
        kept = config.read_text(encoding="utf-8")
        assert kept.startswith("camera:  # mine\n  mirror: true\n")
        assert "background: black" in kept
        await run.wait_for(client, "unsaved", [])
        assert (await run.post(client, "api/recording", {"on": True}))[0] == 200
        assert (await run.state(client))["recording"] is not None
        await run.wait_until_recorded(client)
        assert (await run.post(client, "api/recording", {"on": False}))[0] == 200
        await run.wait_for(client, "recording", None)
        while not (kinds := await run.files(client)):  # the recording is being finished
            await asyncio.sleep(0.05)
        assert kinds == ["video"]

    asyncio.run(use())
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(60) == 0, run.log.text


def test_the_end_does_not_wait_for_watchers_and_a_place_that_is_taken_is_said(
    pose_edge: Command,
) -> None:
    run = PagedRun(pose_edge)

    async def watch() -> int:
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{run.url}stream.mjpg") as stream,
            client.ws_connect(f"{run.url}poses"),
        ):
            await stream.content.readuntil(b"\r\n\r\n")
            port = run.url.rstrip("/").rpartition(":")[2]
            other = pose_edge.start(
                *("run", "demo", "--display", "none", "--web", port),
                *("--set", "source.loop=true", "--poses", "p.jsonl"),
            )
            log = Log(other)
            log.wait_for("Address already in use")
            before = len(read_lines(pose_edge.folder / "p.jsonl"))
            wait_until(lambda: len(read_lines(pose_edge.folder / "p.jsonl")) > before)
            assert log.end() == 1
            assert "not complete: web: cannot listen at" in log.text
            run.process.send_signal(signal.SIGINT)
            return await asyncio.to_thread(run.process.wait, 60)

    assert asyncio.run(watch()) == 0, run.log.text
    assert "given up" not in run.log.text


def decoded(jpeg: bytes) -> Any:  # noqa: ANN401 - a picture
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture
