"""Fuzz cases with damaged, odd or hostile configurations, models, pictures and videos."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from fuzz.case import Case
from fuzz.inputs import damaged, model_with_damage, picture, put, scenes, video
from PIL import Image as Pillow

from pose_edge.config.schema import Settings
from pose_edge.zoo.registry import Zoo

# --- configurations -------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 10**6, 10**30, 0.5, -0.0, 1e308, float("inf"), float("nan")),
    *("", " ", "auto", "on", "off", "none", "null", "x" * 5000, "a\nb", "\u202e\u0000", "~", "é€𝄞"),
    *("{time}", "{time", "%s%n", "../x", "nowhere/x.mp4", "\x1b[31m", "1e3", "0x10", "²", "1:30"),
    *([], {}, [1, [2, [3]]], {"a": {"b": 1}}, {"mode": None}),
)
BOMB = """
model:
  name:
  - &a [x, x, x, x, x, x, x, x]
  - &b [*a, *a, *a, *a, *a, *a, *a, *a]
  - &c [*b, *b, *b, *b, *b, *b, *b, *b]
  - &d [*c, *c, *c, *c, *c, *c, *c, *c]
  - &e [*d, *d, *d, *d, *d, *d, *d, *d]
  - &f [*e, *e, *e, *e, *e, *e, *e, *e]
  - &g [*f, *f, *f, *f, *f, *f, *f, *f]
"""
"""A YAML alias bomb: a few lines that expand to 2 million values."""
SNIPPETS = (
    *("x: &a [*a]\n", "? [1]\n: 2\n", "<<: {a: 1}\n", "\t- a\n", "%YAML 9.9\n---\n"),
    "--- a\n--- b\n",
    *("a: !!python/object/apply:os.getpid []\n", "'\\ud800': 1\n", '"\\ud800": 1\n', "{" * 3000),
    *("[" * 3000, "a: " * 500, "model: {name: *x}\n", "model:\n  name: x\nmodel:\n  name: y\n"),
    BOMB,
)
UNTRIED = {"testing", "log"}
"""Sections left out: `testing` is for the program's own tests, `log` can enable tracebacks."""


def configurations(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a configuration file, environment variables and options with odd values."""
    schema = {
        name: list(section.annotation.model_fields)  # type: ignore[union-attr]
        for name, section in Settings.model_fields.items()
        if name not in UNTRIED
    }

    def setting() -> tuple[str, str, Any]:
        section = random.choice([*schema, "nonsense"])
        key = random.choice([*schema.get(section, []), "nonsense"])
        return section, key, random.choice(VALUES)

    content: dict[str, Any] = {}
    for _ in range(random.randrange(4)):
        section, key, value = setting()
        content.setdefault(section, {})[key] = value
    text = yaml.safe_dump(content, allow_unicode=random.random() < 0.5)
    if random.random() < 0.3:
        text = random.choice((text + random.choice(SNIPPETS), random.choice(SNIPPETS) + text))
    data = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.3:
        data = damaged(random, data)
    if random.random() < 0.1:
        data = random.choice((b"\xef\xbb\xbf" + data, text.encode("utf-16"), b"\xff" + data))
    given = ["--config", put(folder, "my.yaml", data)]
    variables = {}
    if random.random() < 0.3:
        section, key, value = setting()
        name = random.choice((f"{section}__{key}", f"{section}__{key}".upper(), section.upper()))
        variables[f"POSE_EDGE_{name}"] = plain(value)
    if random.random() < 0.3:
        section, key, value = setting()
        given += [
            "--set",
            random.choice((f"{section}.{key}={plain(value)}", f"{section}", "=", "")),
        ]
    command = random.choice(("check", "check", "show", "run"))
    if command == "run":
        run = ["run", "--source", "demo", "--display", "none", "--max-frames", "3"]
        return Case([*run, *given], variables, seconds=10)
    return Case(["config", command, *given], variables)


def plain(value: object) -> str:
    """Return a value as text without NUL, for an option or an environment variable."""
    return str(value).replace("\0", "")


# --- models ---------------------------------------------------------------------------------------


def models(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a run with a damaged model file."""
    name = random.choice(("posenet-mobilenet", "movenet-lightning-int8"))
    data = Zoo().find(name).path.read_bytes()
    data = model_with_damage(random, data) if random.random() < 0.8 else damaged(random, data)
    model = ["--model", put(folder, "m.tflite", data), "--edgetpu", "off"]
    if random.random() < 0.3:
        source = put(folder, "a.jpg", picture("JPEG"))
        return Case(["annotate", source, *model, "--poses", "p.jsonl"], poses="p.jsonl", seconds=10)
    return Case(
        ["run", "--source", "demo", "--display", "none", "--max-frames", "3", *model],
        seconds=10,
    )


# --- pictures -------------------------------------------------------------------------------------

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".JPG": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".avif": "AVIF",
}
NAMES = (
    *(
        "a",
        "b c",
        "12:30:45",
        "[red]x",
        "{time}",
        "%d",
        "-x",
        "é",
        "a\nb",
        "\x1b[31m",
        "._a",
        "a?b",
    ),
    *("x" * 200, "a.mp4", "\udcff\udcfe", "'", '"', "$(x)", "#", "🙂"),
)


def wide_picture(random: Random) -> bytes:
    """Return a PNG picture of extreme size, in most cases with far more pixels than bytes."""
    size = random.choice(((40_000, 30), (30, 40_000), (12_000, 12_000), (1, 1), (65_500, 1)))
    file = io.BytesIO()
    Pillow.new("1", size).save(file, "PNG")
    return file.getvalue()


def odd_picture(random: Random) -> tuple[str, bytes]:
    """Return a file name extension and a picture, possibly damaged or in another format."""
    ending = random.choice(list(FORMATS))
    data = picture(FORMATS[ending])
    chance = random.random()
    if chance < 0.5:
        data = damaged(random, data)
    elif chance < 0.6:
        data = random.choice((b"", video("mp4"), b"<svg/>", picture("PNG"), random.randbytes(500)))
    elif chance < 0.7:
        ending, data = ".png", wide_picture(random)
    elif chance < 0.8:
        file = io.BytesIO()
        mode = random.choice(("L", "LA", "P", "1", "I;16", "CMYK", "RGBA"))
        grey = Pillow.fromarray(np.ascontiguousarray(scenes()[0][:, :, 0]))
        image = Pillow.new("I;16", grey.size) if mode == "I;16" else grey.convert(mode)
        image.save(file, "TIFF")
        ending, data = ".tif", file.getvalue()
    return ending, data


def pictures(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a run on a folder of odd pictures, or on one odd picture."""
    paths = []
    for _ in range(random.choice((1, 1, 3))):
        ending, data = odd_picture(random)
        paths.append(put(folder, f"album/{random.choice(NAMES)}{ending}", data))
    source = paths[0] if len(paths) == 1 else "inputs/album"
    if random.random() < 0.2:
        run = ["run", "--display", "none", "--set", "source.pace=false", "--source", source]
        return Case([*run, "--duration", "3", "--poses", "p.jsonl"], poses="p.jsonl", seconds=10)
    annotate = ["annotate", "--poses", "p.jsonl", "-o", random.choice(("out", "out.png"))]
    return Case([*annotate, "--", source], poses="p.jsonl", seconds=15)


# --- videos ---------------------------------------------------------------------------------------

VIDEOS = {
    ".mp4": ("mp4", "libx264"),
    ".mkv": ("matroska", "libx264"),
    ".ts": ("mpegts", "libx264"),
    ".avi": ("avi", "mjpeg"),
    ".mjpeg": ("mjpeg", "mjpeg"),
    ".flv": ("flv", "libx264"),
    ".h264": ("h264", "libx264"),
    ".mov": ("mov", "libx264"),
}


def videos(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a run on a video, usually damaged."""
    ending = random.choice(list(VIDEOS))
    kind, codec = VIDEOS[ending]
    data = video(kind, codec=codec, interval=random.choice((6, 250)))
    if random.random() < 0.9:
        data = damaged(random, data)
    if random.random() < 0.1:
        ending = random.choice(list(VIDEOS))
    source = put(folder, random.choice(NAMES) + ending, data)
    if random.random() < 0.5:
        annotate = ["annotate", "--poses", "p.jsonl", "-o", "out.mp4", "--", source]
        return Case(annotate, poses="p.jsonl", video="out.mp4", seconds=15)
    pace = random.choice(("true", "false"))
    run = ["run", "--source", source, "--display", "none", "--set", f"source.pace={pace}"]
    return Case(
        [*run, "--poses", "p.jsonl", "--record", "r.mp4", "--duration", "5"],
        poses="p.jsonl",
        video="r*.mp4",
        seconds=15,
    )
