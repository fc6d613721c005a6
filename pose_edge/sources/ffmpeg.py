"""What every video needs of FFmpeg, be it a file or a stream."""

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
"""A title that is not UTF-8 must keep no video from being opened; PyAV 19 takes any by itself."""


def open_container(file: Any, **options: Any) -> InputContainer:  # noqa: ANN401 - as av.open has it
    """Open a video; arguments and errors are those of `av.open`."""
    container: InputContainer = av.open(file, "r", **ANY_METADATA, **options)
    return container


def set_up_decoder(decoder: VideoCodecContext, thread_type: str, max_pixels: int) -> None:
    """Choose a decoder's threads and bounds, before its first packet.

    Args:
        decoder: The decoder.
        thread_type: What its threads share, e.g. "SLICE" for the parts of one frame.
        max_pixels: Larger frames are refused.
    """
    decoder.thread_type = thread_type
    # FFmpeg would start a thread for every core, but inference needs them too.
    decoder.thread_count = max(1, usable_cores() // 2)
    decoder.options = {"max_pixels": str(max_pixels)}


def pixel_aspect(stream: VideoStream) -> float:
    """Return the width of a pixel over its height; 0 where unknown."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect else 0.0
