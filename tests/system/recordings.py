"""What is in a recording, played outside of the machine."""

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
    """All pictures that a player gets out of a file.

    Attributes:
        times: Seconds from the start of the file.
        pictures: BGR.
    """

    times: tuple[float, ...]
    pictures: tuple[Image, ...]

    @property
    def seconds(self) -> float:
        """From the first picture to the last."""
        return self.times[-1] - self.times[0]


def play(content: bytes) -> Recording:
    """Decode a video as far as it goes.

    The last picture may have been cut off, by a full disk or the mains: players pass over it. One
    before it may not.

    Raises:
        av.FFmpegError: It cannot be played.
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
    """Tell when the last picture of a recording was before the camera.

    Args:
        recording: Of a camera that plays the reference's video.
        reference: Recognises its frames.
        sent: When the camera sent which frame, the newest last; see `UsbCamera.log`.
        rate: Its frames per second.

    Returns:
        A moment of the clock of `sent`.
    """
    length = max(number for _, number in sent) + 1
    last = recording.times[-1]
    # One alone may be taken for its neighbour; the median of many is not.
    guesses = [
        reference.index(picture_part(picture, CAMERA_SIZE)) + (last - moment) * rate
        for moment, picture in zip(recording.times[-20:], recording.pictures[-20:], strict=True)
    ]
    # Around the end of the loop: relative to the first, halfway round at most.
    turns = [(guess - guesses[0] + length / 2) % length - length / 2 for guess in guesses]
    frame = (guesses[0] + float(np.median(turns))) % length
    newest, newest_number = sent[-1]
    return newest - ((newest_number - frame) % length) / rate
