"""Small valid pictures and videos, and functions that damage data."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from clips import demo_frames
from PIL import Image as Pillow

from pose_edge.frames import Image

WIDTH, HEIGHT = 192, 108
FRAMES = 24


@lru_cache(maxsize=1)
def scenes() -> list[Image]:
    """Return small BGR frames that show a person."""
    return [
        np.asarray(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
        for frame in demo_frames(range(64, 64 + FRAMES))
    ]


@lru_cache(maxsize=32)
def picture(kind: str) -> bytes:
    """Return a picture encoded in a Pillow format, e.g. "JPEG"."""
    image = Pillow.fromarray(np.ascontiguousarray(scenes()[0][:, :, ::-1]))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@lru_cache(maxsize=32)
def video(kind: str, *, codec: str = "libx264", interval: int = 6) -> bytes:
    """Return a video in an FFmpeg format, e.g. "mp4", with a key frame every `interval` frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=Fraction(30))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = interval
        if codec == "libx264":
            stream.codec_context.options = {"preset": "ultrafast", "tune": "zerolatency"}
        for scene in scenes():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene, format="bgr24")))
        container.mux(stream.encode())
    return file.getvalue()


def damaged(random: Random, data: bytes) -> bytes:
    """Return data with one to three random damages."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(DAMAGES)(random, data)
    return data


def _flip(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 20)) if data else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _span(random: Random, data: bytes) -> tuple[int, int]:
    """Return start and end of a random part of the data; short parts are the most likely."""
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + int(len(data) * random.random() ** 4) + 1)


def _clear(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + bytes(end - start) + data[end:]


def _scramble(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + random.randbytes(end - start) + data[end:]


def _cut_out(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + data[end:]


def _repeat(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:end] + data[start:]


def _cut_off(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _number(random: Random, data: bytes) -> bytes:
    """Overwrite four bytes with a number, where a length, count or time might be stored."""
    if len(data) < 8:
        return data
    value = random.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, random.getrandbits(32)))
    # Prefer places near the beginning, where most formats store such numbers.
    place = int((len(data) - 4) * random.random() ** random.choice((1, 4)))
    return data[:place] + struct.pack(random.choice("<>") + "I", value) + data[place + 4 :]


DAMAGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip, _flip, _clear, _scramble, _cut_out, _repeat, _cut_off, _number, _number),
)

BLOCK = 4096


def model_with_damage(random: Random, data: bytes) -> bytes:
    """Return a model with damage in its structure (shapes, types, indices), not in its weights."""
    blocks = range(0, len(data), BLOCK)
    described = [  # unlike weights, the structure compresses well
        start for start in blocks if len(zlib.compress(data[start : start + BLOCK])) < 0.6 * BLOCK
    ]
    indices = index_places(data) if random.random() < 0.6 else []
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        place = random.choice(described) + 4 * random.randrange(BLOCK // 4)
        if indices:
            place = random.choice(indices)
        if place + 4 > len(data):
            continue
        (old,) = struct.unpack_from("<i", changed, place)
        near = max(-(2**31), min(2**31 - 1, old + random.choice((-1, 1, 2, 256))))
        value = random.choice((-1, 0, 1, 7, 1000, 2**31 - 1, -(2**31), near, near, near))
        struct.pack_into("<i", changed, place, value)
    return bytes(changed)


def index_places(data: bytes) -> list[int]:
    """Return the offsets of all tensor indices in the inputs and outputs of graph and operators."""
    graph = schema.Model.GetRootAs(data).Subgraphs(0)
    tables = [graph, *(graph.Operators(number) for number in range(graph.OperatorsLength()))]
    inputs, outputs = 6, 8  # vtable offsets, the same for subgraphs and operators
    places = []
    for table in (table._tab for table in tables):
        for field in (inputs, outputs):
            if offset := table.Offset(field):
                start, length = table.Vector(offset), table.VectorLen(offset)
                places += [start + 4 * number for number in range(length)]
    return places


def put(folder: Path, name: str, data: bytes) -> str:
    """Write an input file, and return its path relative to the case's folder."""
    path = folder / "inputs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path.relative_to(folder))
