"""The JSON interface of the page: the state of the run, and changes to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import simplejpeg
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from pose_edge.errors import UnavailableError, UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay import Scene
from pose_edge.sinks.name_pattern import TIME_FORMAT
from pose_edge.sinks.steering import is_refusal
from pose_edge.util import resources
from pose_edge.web.doctor_child import doctor_findings
from pose_edge.web.guard import cookie_name, refusal
from pose_edge.web.keeping import keep_settings
from pose_edge.web.recordings import DEFAULT_RECORDING
from pose_edge.web.server_parts import ServerContext
from pose_edge.web.state_record import STEERED, state_record, unsaved, value_of

CHANGE_S: Final = 60.0
"""Longest wait for a change, seconds: a model may have to be loaded."""
PICTURE_S: Final = 5.0
"""Longest wait for the picture of a snapshot, seconds."""
SNAPSHOT_QUALITY: Final = 95


def api_routes(parts: ServerContext, most: Callable[[], int]) -> list[web.RouteDef]:
    """Return the routes that read the state of the run, and those that change it.

    Args:
        parts: The state shared by all handlers.
        most: Returns the maximum number of clients of a stream.
    """
    changing, examining = asyncio.Lock(), asyncio.Lock()

    def one_by_one(work: Callable[[web.Request], Any], lock: asyncio.Lock, text: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if lock.locked():
                return refusal(409, text)
            async with lock:
                response: web.StreamResponse = await work(request)
                return response

        return handle

    def change(work: Callable[..., Any]) -> Handler:
        return one_by_one(partial(work, parts=parts), changing, "another change is under way")

    examine = partial(_examine, parts=parts)
    return [
        web.get("/api/state", partial(_send_state, parts=parts, most=most)),
        web.get("/api/history", partial(_send_history, parts=parts)),
        web.get("/api/log", partial(_send_log, parts=parts)),
        web.get("/api/doctor", one_by_one(examine, examining, "the doctor is at work")),
        web.post("/api/settings", change(_change_setting)),
        web.post("/api/keep", change(_keep)),
        web.post("/api/recording", change(_record)),
        web.post("/api/snapshot", change(_take_snapshot)),
    ]


async def read_json(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request.

    Its media type is required, because an HTML form on another site cannot send it.

    Raises:
        HTTPException: The body is not a JSON object, or has another media type.
    """
    if request.content_type != "application/json":
        raise _bad("send JSON, as application/json", web.HTTPUnsupportedMediaType)
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError):  # LookupError: an unknown charset
        raise _bad("this is no JSON") from None
    if not isinstance(body, dict):
        raise _bad("send a JSON object")
    return body


def _bad(text: str, kind: type[web.HTTPException] = web.HTTPBadRequest) -> web.HTTPException:
    return kind(text=text)


async def _send_state(
    request: web.Request, *, parts: ServerContext, most: Callable[[], int]
) -> web.Response:
    record = state_record(
        parts.state(),
        parts.run.settings(),
        parts.run.configured(),
        models=parts.models,
        events=list(parts.poses.events),
        watchers=parts.picture.watchers,
        clients=parts.poses.clients,
    )
    session = cookie_name(request) in request.cookies  # its presence only: the guard checks it
    record |= {"most_clients": most(), "session": session, "server": parts.server}
    return web.json_response(record)


async def _send_history(_request: web.Request, *, parts: ServerContext) -> web.Response:
    return web.json_response(parts.history.record())


async def _send_log(_request: web.Request, *, parts: ServerContext) -> web.Response:
    return web.json_response({"lines": parts.log.lines})


async def _examine(_request: web.Request, *, parts: ServerContext) -> web.Response:
    return web.json_response({"findings": await doctor_findings(parts.run.config)})


async def _change_setting(request: web.Request, *, parts: ServerContext) -> web.Response:
    body = await read_json(request)
    key, value = body.get("key"), body.get("value")
    if key not in STEERED:
        raise UsageError("this setting cannot be changed here")
    if key == "model.name" and value not in parts.models:
        raise UsageError("there is no model of this name")
    return web.json_response({"text": await _change(parts, key, value)})


async def _change(parts: ServerContext, key: str, value: object) -> str:
    """Change a setting, and return a message for the user.

    Raises:
        UnavailableError: The change was refused, or takes too long.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()
    parts.run.steering.change(key, value, partial(_answer, loop, answered))
    try:
        async with asyncio.timeout(CHANGE_S):
            text = await answered
    except TimeoutError:
        raise UnavailableError("this takes its time: look again later") from None
    parts.forget_state()
    if is_refusal(text):
        raise UnavailableError(text)
    return text


async def _keep(request: web.Request, *, parts: ServerContext) -> web.Response:
    await read_json(request)
    path, settings = parts.run.config, parts.run.settings()
    keys = unsaved(settings, parts.run.configured())
    if not keys:
        return web.json_response({"text": "nothing has changed"})
    if path is None or path == resources.default_config():
        raise UsageError(
            "there is no configuration file to write to: `pose-edge config show --defaults > FILE` "
            "makes one, for `pose-edge run --config FILE`"
        )
    values = {key: value_of(settings, key) for key in keys}
    await asyncio.to_thread(keep_settings, path, values)
    overridden = await asyncio.to_thread(parts.run.kept, values)
    text = f"written to {path}: {', '.join(keys)}"
    if overridden:
        text += f", but the command line or the environment sets {', '.join(overridden)}"
    return web.json_response({"text": text})


async def _record(request: web.Request, *, parts: ServerContext) -> web.Response:
    body = await read_json(request)
    if not isinstance(body.get("on"), bool):
        raise UsageError("on must be true or false")
    path = (parts.run.configured().record.path or DEFAULT_RECORDING) if body["on"] else None
    await _change(parts, "record.path", path)
    return web.json_response({"text": f"recording: {'on' if body['on'] else 'off'}"})


async def _take_snapshot(request: web.Request, *, parts: ServerContext) -> web.Response:
    await read_json(request)
    loop = asyncio.get_running_loop()
    taken: asyncio.Future[tuple[Image, ColourOrder] | None] = loop.create_future()

    def take(scene: Scene, image: Image) -> None:
        _answer(loop, taken, (image.copy(), scene.order))

    parts.run.take_picture(take, lambda: _answer(loop, taken, None))
    try:
        async with asyncio.timeout(PICTURE_S):
            found = await taken
    except TimeoutError:
        found = None
    if found is None:
        raise UnavailableError("there is no picture now")
    jpeg = await asyncio.to_thread(_encode, *found)
    name = f"pose-edge-{time.strftime(TIME_FORMAT)}.jpg"
    attached = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}
    return web.Response(body=jpeg, content_type="image/jpeg", headers=attached)


def _encode(image: Image, order: ColourOrder) -> bytes:
    jpeg: bytes = simplejpeg.encode_jpeg(image, quality=SNAPSHOT_QUALITY, colorspace=order)
    return jpeg


def _answer(loop: asyncio.AbstractEventLoop, waiting: asyncio.Future[Any], value: object) -> None:
    """Set a handler's future from another thread, unless the handler no longer waits for it."""

    def answer() -> None:
        if not waiting.done():
            waiting.set_result(value)

    if not loop.is_closed():
        loop.call_soon_threadsafe(answer)
