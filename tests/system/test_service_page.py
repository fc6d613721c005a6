"""The installed service's web page, accessed from another machine: this host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import cv2
import pytest
import yaml
from system.image import Image
from system.machine import Machine
from system.outage import scaled_limit
from system.page import PORT, Page
from system.program import Line
from system.screen import wait_for
from system.service import CONFIG, Settings
from system.service_rig import BACK_S, RATE, ServiceRig

from pose_edge.web.history import INTERVAL_S, STALL_S

COUNT = 5
"""Number of pictures, or pose lines, to wait for."""


@pytest.fixture(scope="module")
def service_machine(
    with_service: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Boot a machine with the service whose page can be reached from this host."""
    made = Machine(with_service, tmp_path_factory.mktemp("page"), served=PORT)
    try:
        made.boot()
        made.open_network()
        yield made
    finally:
        made.discard()


@pytest.fixture(scope="module")
def served(service_machine: Machine) -> Settings:
    """Return the installed web settings with the page enabled, as the manual describes."""
    installed: dict[str, Any] = yaml.safe_load(service_machine.agent.pull(CONFIG))
    return {"web": {**installed["web"], "enabled": True, "listen": f"0.0.0.0:{PORT}"}}


@pytest.fixture
def page(service_rig: ServiceRig, served: Settings) -> Page:
    """Return a client with the token, for the page of a healthy service."""
    service_rig.restore(served)
    token = service_rig.machine.agent.pull(served["web"]["token_file"]).decode().strip()
    made = Page(service_rig.machine, token)
    limit = scaled_limit(BACK_S)
    wait_for(lambda: made.health() == 200, "the page", limit)
    wait_for(lambda: not made.json("/api/state")["faults"], "all in order, the page too", limit)
    return made


def part(state: dict[str, Any], name: str) -> str:
    """Return the state of a part, from the page's state document."""
    (found,) = [one["state"] for one in state["parts"] if one["name"] == name]
    return str(found)


def test_a_reload_switches_it_on(service_rig: ServiceRig, served: Settings) -> None:
    rig = service_rig
    rig.restore()
    page = Page(rig.machine)
    assert page.health() is None
    before = rig.service.condition()
    rig.service.configure(served)
    rig.service.reload()
    took = wait_for(lambda: page.health() == 200, "the page", scaled_limit(BACK_S))
    rig.chapter.measure("from the reload to the page", took)
    address = f"http://raspberrypi:{PORT}"
    wait_for(lambda: address in rig.service.condition().line, "the page's address", 30)
    said = rig.run("pose-edge service status")
    rig.chapter.text("service status", said)
    assert address in said
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, before.restarts)


def test_only_the_token_of_the_installation_opens_it(
    service_rig: ServiceRig, served: Settings, page: Page
) -> None:
    rig = service_rig
    since = rig.service.cursor()
    kept = rig.run(f"stat --format='%a %U %G' {served['web']['token_file']}")
    assert kept == "640 root pose-edge"
    assert page.token is not None
    stranger = Page(rig.machine)
    assert stranger.health() == 200
    assert stranger.get("/")[0] == 303
    for path in ("/api/state", "/stream.mjpg", "/poses", "/files/poses.jsonl"):
        assert stranger.get(path)[0] == 401, path
    assert Page(rig.machine, "not-the-token").get("/api/state")[0] == 403

    async def log_in(client: aiohttp.ClientSession) -> str:
        own = {"Origin": page.origin}
        for token, status in (("not-the-token", 403), (page.token, 303)):
            async with client.post(
                "/login", data={"token": token}, headers=own, allow_redirects=False
            ) as answer:
                assert answer.status == status, await answer.text()
                cookies = answer.headers.getall("Set-Cookie", [])
        assert all("HttpOnly" in one and "SameSite=Strict" in one for one in cookies)
        assert len(cookies) == 1
        async with client.get("/") as answer:
            return await answer.text()

    assert 'src="stream.mjpg"' in stranger.use(log_in)
    rig.service.wait_for_word("a wrong token from", since)
    assert page.token not in rig.service.log()


def test_picture_and_poses_arrive(service_rig: ServiceRig, page: Page) -> None:
    rig = service_rig
    pictures = page.pictures(COUNT)
    rig.chapter.picture("stream.mjpg", pictures[-1])
    likeness = min(rig.reference.similarity(picture) for picture in pictures)
    rig.chapter.measure("likeness to the camera's video, the worst", likeness, "", limit="0.8")
    assert likeness > 0.8
    assert any((cv2.absdiff(pictures[0], other) > 8).any() for other in pictures[1:]), "it stands"

    def arrive(lines: list[Line]) -> list[Line]:
        wait_for(lambda: len(lines) >= COUNT, f"{COUNT} lines of poses", scaled_limit(BACK_S))
        return lines[:COUNT]

    arrived = page.with_lines(arrive)
    assert [len(pose["keypoints"]) for line in arrived for pose in line["poses"]] == [17] * COUNT
    # The file is written with a delay of up to a second.
    wait_for(lambda: arrived[-1] in rig.service.lines(), "the same in the file", 30)
    written = rig.service.lines()
    assert all(line in written for line in arrived)


def test_an_unplugged_camera_and_its_return_are_seen(service_rig: ServiceRig, page: Page) -> None:
    rig = service_rig
    before = rig.service.condition()
    well = page.json("/api/state")
    assert part(well, "source") == "running"

    def away_and_back(lines: list[Line]) -> None:
        wait_for(lambda: bool(lines), "lines of poses", scaled_limit(BACK_S))
        rig.camera.unplug()
        rig.wait_for_no_camera()
        took = wait_for(
            lambda: "source" in page.json("/api/state")["faults"],
            "the camera's fault on the page",
            scaled_limit(BACK_S),
        )
        rig.chapter.measure("until the page tells of the missing camera", took)
        no_frames_for_long(page)
        state = page.json("/api/state")
        rig.chapter.text("on the page without a camera", str((state["faults"], state["parts"])))
        rig.chapter.picture("stream.mjpg without a camera", page.pictures(1)[0])
        assert part(state, "source") == "waiting"
        assert page.health() == 200
        assert rig.reference.similarity(page.pictures(1)[0]) < 0.5, "a picture that is not true"

        _path, since = rig.plug_camera(rate=RATE)
        limit = scaled_limit(BACK_S)
        wait_for(lambda: lines[-1]["time"] > since, "poses on the same WebSocket", limit)
        rig.chapter.measure("until poses on the same WebSocket", lines[-1]["time"] - since)
        wait_for(lambda: not page.json("/api/state")["faults"], "no fault any more", limit)
        assert part(page.json("/api/state"), "source") == "running"

    page.with_lines(away_and_back)
    assert rig.reference.similarity(page.pictures(2)[-1]) > 0.8
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, before.restarts)


def no_frames_for_long(page: Page) -> None:
    """Wait without frames for longer than the stall limit, and assert that health stays good.

    Without frames for this long the run counts as unhealthy, unless it waits for a camera.
    """
    samples = round(STALL_S / INTERVAL_S) + 2

    def over() -> bool:
        assert page.health() == 200
        newest = page.json("/api/history")["poses_fps"][-samples:]
        return len(newest) == samples and not any(newest)

    wait_for(over, "no frames for long", scaled_limit(3 * STALL_S))
