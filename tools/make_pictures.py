"""Makes the pictures of the documentation, docs/pictures, from the bundled demo clip.

    python tools/make_pictures.py

The pictures are cropped and scaled frames that `pose-edge annotate demo` draws. (The clip is the
demo video of Sports2D, BSD-3-Clause.)

Exit status: 0 done; 2 wrong usage; 1 any other error, such as a picture larger than allowed.
Nothing is written unless it is 0.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
from PIL import Image

REPOSITORY = Path(__file__).resolve().parent.parent

MAX_BYTES = 300_000
"""Largest size of a picture file."""
CLIP_FPS = 30
FPS = 12
"""Frame rate of the animation."""
SECONDS = 3.0
"""Length of the animation."""
CUT = (60, 0, 820, 428)
"""Crop of the clip around the person on the roof: left, upper, right and lower edge, pixels."""
ANIMATED_SIZE = (560, 315)
QUALITIES = (50, 40, 30, 20, 10)
"""WebP qualities of the animation, tried in this order until the file is small enough."""
STILL_QUALITY = 85

ONE = ("--model", "movenet-thunder-int8")
SEVERAL = ("--model", "movenet-multipose-int8")
TRAILS = (*ONE, "--set", "overlay.background=black", "--set", "overlay.trails=1.5")

SEVERAL_AT = 67
"""Index of the frame for several.jpg."""
TRAILS_AT = 75
"""Index of the frame for trails.jpg."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "pictures")
    output: Path = parser.parse_args(arguments).output
    pictures = {
        "demo.webp": animated(drawn(ONE)),
        "several.jpg": still(drawn(SEVERAL)[SEVERAL_AT]),
        "trails.jpg": still(drawn(TRAILS)[TRAILS_AT].crop(CUT)),
    }
    for name, content in pictures.items():
        print(f"{name}: {len(content)} bytes")
        if len(content) > MAX_BYTES:
            print(f"{name} is larger than {MAX_BYTES} bytes", file=sys.stderr)
            return 1
    output.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (output / name).write_bytes(content)
    return 0


def drawn(options: Sequence[str]) -> list[Image.Image]:
    """Return the annotated frames of the demo clip.

    Args:
        options: Further options of `pose-edge annotate`.
    """
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "demo.mp4"
        command = [sys.executable, "-m", "pose_edge", "annotate", "demo", "-o", str(video)]
        subprocess.run([*command, *options, "--set", "record.quality=12"], check=True)
        with av.open(str(video)) as container:
            return [
                Image.fromarray(frame.to_ndarray(format="rgb24"))
                for frame in container.decode(video=0)
            ]


def animated(frames: Sequence[Image.Image]) -> bytes:
    """Return the first `SECONDS` of the clip as an animated WebP.

    It may exceed `MAX_BYTES` even at the lowest quality.
    """
    chosen = [frames[round(index * CLIP_FPS / FPS)] for index in range(round(SECONDS * FPS))]
    small = [frame.crop(CUT).resize(ANIMATED_SIZE, Image.Resampling.LANCZOS) for frame in chosen]
    content = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        small[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=small[1:],
            duration=round(1000 / FPS),
            loop=0,
            quality=quality,
            method=4,
        )
        content = file.getvalue()
        if len(content) <= MAX_BYTES:
            print(f"demo.webp: quality {quality}")
            break
    return content


def still(frame: Image.Image) -> bytes:
    """Encode a frame as a JPEG."""
    file = io.BytesIO()
    frame.save(file, "JPEG", quality=STILL_QUALITY, optimize=True, progressive=True)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
