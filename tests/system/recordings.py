"""Decoding of recordings on the host, outside the machine."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
from system.camera import CAMERA_SIZE
from system.screen import ReferenceVideo, picture_part

from pose_edge.frames import Image


@dataclass(frozen=True)
class Recording:
    """All pictures that a player can decode from a file.

    Attributes:
        times: Presentation time of each picture, in seconds from the start of the file.
        pictures: The BGR pictures.
    """

    times: tuple[float, ...]
    pictures: tuple[Image, ...]

    @property
    def seconds(self) -> float:
        """Time from the first picture to the last, in seconds."""
        return self.times[-1] - self.times[0]


def play(content: bytes) -> Recording:
    """Decode a video up to its end.

    The last picture may be truncated by a full disk or a power cut, as players skip it; the
    pictures before it may not.

    Raises:
        av.FFmpegError: The video cannot be played.
    """
    times: list[float] = []
    pictures: list[Image] = []
    fault: av.FFmpegError | None = None
    with av.open(io.BytesIO(content), "r") as container:
        for packet in container.demux(video=0):
            if fault is not None and packet.size:
                raise fault
            try:
                frames = packet.decode()
            except av.InvalidDataError as error:
                fault = error
                continue
            for frame in frames:
                assert isinstance(frame, av.VideoFrame)
                times.append(float(frame.time or 0.0))
                pictures.append(np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8))
    assert pictures, "there is no picture in it"
    return Recording(tuple(times), tuple(pictures))


def end_of(
    recording: Recording, reference: ReferenceVideo, sent: Sequence[tuple[float, int]], rate: float
) -> float:
    """Return when the camera sent the last picture of a recording.

    Args:
        recording: Recording of a camera that plays the reference's video.
        reference: Recognises the frames of that video.
        sent: Times and indices of the frames that the camera sent, the newest last; see
            `UsbCamera.log`.
        rate: The camera's frames per second.

    Returns:
        A time of the clock used in `sent`, in seconds.
    """
    length = max(number for _, number in sent) + 1
    last = recording.times[-1]
    # A single picture may be mistaken for its neighbour, so take the median of the last 20.
    guesses = [
        reference.index(picture_part(picture, CAMERA_SIZE)) + (last - moment) * rate
        for moment, picture in zip(recording.times[-20:], recording.pictures[-20:], strict=True)
    ]
    # The video loops: express each guess relative to the first, within half a loop.
    turns = [(guess - guesses[0] + length / 2) % length - length / 2 for guess in guesses]
    frame = (guesses[0] + float(np.median(turns))) % length
    newest, newest_number = sent[-1]
    return newest - ((newest_number - frame) % length) / rate
