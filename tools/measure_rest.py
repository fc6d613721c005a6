"""Measures how much later an entering person is found if a scene at rest had paused inference.

    python tools/measure_rest.py CLIP --empty FRAME --person FRAME

A person is cut out of one frame of the clip: the largest region that differs from the empty frame.
The cutout then walks into the empty frame, in several sizes and lights, with simulated camera
noise. The model processes every frame of the entry, and in a second run only the frames that `Rest`
does not skip. Frames in which noise alone triggers the motion detector are counted, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from measure_poses import load_estimator
from numpy.typing import NDArray

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.frames import Frame, Image
from pose_edge.pipeline.motion import MotionDetector, tiny_grey
from pose_edge.pipeline.rest import QUIET_S, Found, Rest
from pose_edge.sources import choose_source

FPS: Final = 30
HEIGHT: Final = 360
"""Height of the pictures, pixels."""
HEIGHTS_PER_S: Final = 0.8
"""Walking speed in body heights per second: a person of 1.7 m walks at 1.4 m/s."""
EMPTY_FRAMES: Final = round((QUIET_S + 2) * FPS)
"""Number of frames before the person enters: enough for the scene to be at rest."""
ENTRY_FRAMES: Final = 3 * FPS
"""Number of frames from the entry on."""
SIZES: Final = (0.6, 0.4, 0.25, 0.15)
"""Heights of the person, as fractions of the picture's height."""
DIFFERS: Final = 30
"""Difference from the empty frame beyond which a pixel belongs to the person, grey levels."""


class Light(NamedTuple):
    """Brightness of a scene, and the camera's noise and compression at that brightness.

    Attributes:
        name: Name for the output.
        brightness: Factor by which all pixels are multiplied.
        noise: Standard deviation of the noise of a pixel, grey levels.
        quality: JPEG quality of the camera, 0...100.
    """

    name: str
    brightness: float
    noise: float
    quality: int


LIGHTS: Final = (
    Light("day", 1.0, 2, 85),
    Light("evening", 0.4, 6, 75),
    Light("night", 0.2, 12, 60),
)

NOISE: Final = np.random.default_rng(0).normal(0, 1, (HEIGHT, 3 * HEIGHT, 1)).astype(np.float32)


class Cutout(NamedTuple):
    """A person without the background.

    Attributes:
        image: uint8 (height, width, 3).
        opacity: float32 (height, width, 1), 0...1.
    """

    image: Image
    opacity: NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--empty", type=int, required=True, metavar="FRAME")
    parser.add_argument("--person", type=int, required=True, metavar="FRAME")
    parser.add_argument("--model", default="movenet-lightning-int8")
    parser.add_argument("--width", type=float, default=1.0, help="only this part, from the left")
    parser.add_argument("--noise-frames", type=int, default=60 * FPS)
    options = parser.parse_args(arguments)
    frames = _frames(options.clip, {options.empty, options.person})
    width = round(options.width * frames[options.empty].shape[1])
    empty, person = (frames[number][:, :width] for number in (options.empty, options.person))
    cutout = cut_out(person, empty)
    shape = (round(HEIGHT * width / empty.shape[0]), HEIGHT)
    background = np.asarray(cv2.resize(empty, shape, interpolation=cv2.INTER_AREA), np.uint8)
    with ExitStack() as stack:
        _, estimator = load_estimator(stack, options.model)
        for light in LIGHTS:
            started = _noise(background, light, options.noise_frames)
            print(f"{light.name}: {started} of {options.noise_frames} frames of noise alone moved")
            for size in SIZES:
                found = _entry(background, cutout, size, light, estimator)
                print(f"  {size:4.0%} of the height: {found}", flush=True)
    return 0


def cut_out(person: Image, empty: Image) -> Cutout:
    """Return the largest region of a picture that differs from the empty one."""
    apart = np.abs(person.astype(np.int16) - empty).max(axis=2) > DIFFERS
    closed = cv2.morphologyEx(apart.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(closed)
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    x, y, width, height, _ = statistics[largest]
    part = np.s_[y : y + height, x : x + width]
    return Cutout(person[part], (labels[part] == largest).astype(np.float32)[..., np.newaxis])


def _noise(background: Image, light: Light, count: int) -> int:
    """Return the number of noisy frames of an empty scene in which motion is detected."""
    random, detector = np.random.default_rng(1), MotionDetector()
    pictures = (_seen(background, light, random) for _ in range(count))
    return sum(detector.update(tiny_grey(one), index / FPS) for index, one in enumerate(pictures))


def _entry(
    background: Image, cutout: Cutout, size: float, light: Light, estimator: Estimator
) -> str:
    """Let a person enter, and return a line on when they are found with and without rest."""
    pictures = list(_entering(background, cutout, size, light))
    estimator.reset()
    always = _first_found(estimator, pictures, Rest())
    estimator.reset()
    rest = Rest()
    rest.allowed = True
    rested = _first_found(estimator, pictures, rest)
    if not rested.resting:
        return "the scene was not at rest: somebody is found in the empty frame"
    if always.frame is None or rested.frame is None:
        return f"found in frame {always.frame} when all are looked at, {rested.frame} after a rest"
    return (
        f"found {1000 * (always.frame - EMPTY_FRAMES) / FPS:.0f} ms after the first pixel, "
        f"{1000 * (rested.frame - always.frame) / FPS:.0f} ms later after a rest"
    )


def _entering(background: Image, cutout: Cutout, size: float, light: Light) -> Iterator[Image]:
    """Yield the pictures of an empty scene that a person enters from the left."""
    random = np.random.default_rng(2)
    height = round(size * HEIGHT)
    width = max(1, round(height * cutout.image.shape[1] / cutout.image.shape[0]))
    person = cv2.resize(cutout.image, (width, height), interpolation=cv2.INTER_AREA)
    opacity = cv2.resize(cutout.opacity, (width, height), interpolation=cv2.INTER_AREA)[..., None]
    top = max(0, round(0.8 * HEIGHT) - height)
    for index in range(EMPTY_FRAMES + ENTRY_FRAMES):
        picture = background.copy()
        walked = 1 + (index - EMPTY_FRAMES) * HEIGHTS_PER_S * height / FPS
        seen = min(round(walked), width)  # columns of the person, from the right
        if seen > 0:
            left = max(0, round(walked) - width)
            part = picture[top : top + height, left : left + seen]
            columns = np.s_[width - seen : width - seen + part.shape[1]]  # clipped on the right
            mask = opacity[:, columns]
            part[:] = mask * person[:, columns] + (1 - mask) * part
        yield _seen(picture, light, random)


def _seen(picture: Image, light: Light, random: np.random.Generator) -> Image:
    """Return a picture as the camera would deliver it: darkened, noisy and JPEG-compressed."""
    noise = np.roll(NOISE, random.integers(0, NOISE.size), axis=None)[:, : picture.shape[1]]
    noisy = np.clip(picture * light.brightness + light.noise * noise, 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, light.quality])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


class Entry(NamedTuple):
    """The detection of a person who enters.

    Attributes:
        resting: Whether the scene was at rest before the entry.
        frame: Index of the first frame from the entry on in which a person is found, or None.
    """

    resting: bool
    frame: int | None


def _first_found(estimator: Estimator, pictures: Sequence[Image], rest: Rest) -> Entry:
    """Process the pictures of an entry, except those that `rest` skips.

    If resting is not allowed, processing begins one second before the entry.
    """
    resting = False
    for index, picture in enumerate(pictures):
        frame = Frame(picture, "BGR", round(index * 1e9 / FPS), index, index / FPS, live=True)
        if index == EMPTY_FRAMES:
            resting = rest.resting
        if rest.passes_over(frame) or (not rest.allowed and index < EMPTY_FRAMES - FPS):
            continue
        found = bool(estimator.estimate(frame).poses)
        rest.looked(frame, 0.005, Found.SOMEBODY if found else Found.NOBODY)
        if found and index >= EMPTY_FRAMES:
            return Entry(resting, index)
    return Entry(resting, None)


def _frames(path: Path, numbers: set[int]) -> dict[int, Image]:
    """Return the frames of a clip with the given numbers, or exit if one does not exist."""
    settings = Settings()
    source = choose_source(settings.source.model_copy(update={"name": str(path)}), settings.camera)
    source.open()
    found: dict[int, Image] = {}
    try:
        while numbers - found.keys():
            frame = source.read(1.0)
            if frame is not None and frame.index in numbers:
                found[frame.index] = frame.image.copy()
    except EndOfStream:
        missing = ", ".join(map(str, sorted(numbers - found.keys())))
        raise SystemExit(f"{path} has no frame {missing}") from None
    finally:
        source.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
