"""FFmpeg functions that video files and network streams share."""

from __future__ import annotations

from typing import Any, Final

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pose_edge.util.cores import usable_cores

ANY_METADATA: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""Options of `av.open` that accept a title that is not UTF-8; PyAV 19 accepts it by default."""


def open_container(file: Any, **options: Any) -> InputContainer:  # noqa: ANN401 - as av.open has it
    """Open a video for reading, with the options and errors of `av.open`."""
    container: InputContainer = av.open(file, "r", **ANY_METADATA, **options)
    return container


def set_up_decoder(decoder: VideoCodecContext, thread_type: str, max_pixels: int) -> None:
    """Set a decoder's threads and size limit, before its first packet.

    Args:
        decoder: The decoder.
        thread_type: How work is divided among threads, e.g. "SLICE" for the parts of one frame.
        max_pixels: Largest number of pixels of a frame; larger frames are rejected.
    """
    decoder.thread_type = thread_type
    # By default FFmpeg uses a thread for every core, but inference needs the cores too.
    decoder.thread_count = max(1, usable_cores() // 2)
    decoder.options = {"max_pixels": str(max_pixels)}


def pixel_aspect(stream: VideoStream) -> float:
    """Return the width of a pixel divided by its height; 0 where unknown."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect else 0.0
