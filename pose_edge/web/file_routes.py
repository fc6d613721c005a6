"""Routes that list, play, download and delete recordings and pose files."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError
from pose_edge.web.api import read_json
from pose_edge.web.recordings import delete_file, find_file, list_files
from pose_edge.web.server_parts import ServerContext

PLAYED: Final = "video/mp4"
"""Media type of files that a browser plays; files of other types are downloaded."""


class OutputFileResponse(web.FileResponse):
    """A file that is sent until its client leaves."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the file; raise `ConnectionError`, which nobody logs, if that fails."""
        try:
            return await super().prepare(request)
        except OSError as error:  # e.g. the client accepts no data for too long
            raise ConnectionResetError(str(error)) from None


def file_routes(parts: ServerContext) -> list[web.RouteDef]:
    """Return the routes of recordings and pose files."""
    return [
        web.get("/api/files", partial(_send_list, parts=parts)),
        web.post("/api/files/delete", partial(_delete, parts=parts)),
        web.get("/files/{name}", partial(_send_file, parts=parts)),
    ]


async def _send_list(_request: web.Request, *, parts: ServerContext) -> web.Response:
    files = await asyncio.to_thread(list_files, _settings(parts))
    return web.json_response({"files": [file.record for file in files]})


async def _send_file(request: web.Request, *, parts: ServerContext) -> web.StreamResponse:
    name = request.match_info["name"]
    file = await asyncio.to_thread(find_file, _settings(parts), name)
    if file is None:
        raise web.HTTPNotFound(text="there is no such file")
    kind = "inline" if file.content_type == PLAYED else "attachment"
    headers = {
        hdrs.CONTENT_TYPE: file.content_type,
        hdrs.CONTENT_DISPOSITION: f"{kind}; filename*=UTF-8''{quote(name, safe='')}",
    }
    return OutputFileResponse(file.path, headers=headers)


async def _delete(request: web.Request, *, parts: ServerContext) -> web.Response:
    name = (await read_json(request)).get("name")
    if not isinstance(name, str):
        raise UsageError("name must be the name of a file")
    await asyncio.to_thread(delete_file, _settings(parts), name)
    return web.json_response({"text": f"deleted: {name}"})


def _settings(parts: ServerContext) -> tuple[Settings, Settings]:
    """Return the settings whose files are shown."""
    # The button "Stop" removes the path of the recording from the settings in force only.
    return parts.run.settings(), parts.run.configured()
