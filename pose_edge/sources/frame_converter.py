"""Conversion of decoded video frames of any format to upright BGR pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.filter import Graph
from av.sidedata.sidedata import Type

from pose_edge.frames import Image, fitting_memory
from pose_edge.sources.display_geometry import display_size, orientation_filters

UPRIGHT: Final = (1, 0, 0, 0, 1)
TURNS: Final = {90: (0, -1, 0, 1, 0), 180: (-1, 0, 0, 0, -1), 270: (0, 1, 0, -1, 0)}
"""First five values of the display matrix (see `orientation_filters`) of each rotation, by its
degrees counter-clockwise."""


class FrameConverter:
    """Converts frames with FFmpeg filters, which are rebuilt when the frame format changes.

    The filters rotate, scale and convert in as few passes as the format allows, and reuse their
    memory.
    """

    def __init__(self) -> None:
        """Create the converter; the first frame sets up its filters."""
        self._graph: Graph | None = None
        self._form: tuple[object, ...] = ()

    def convert(self, frame: av.VideoFrame, pixel_aspect: float, reuse: Image | None) -> Image:
        """Convert a frame to an upright picture with square pixels, uint8 (height, width, 3) BGR.

        Args:
            frame: The frame; its display matrix is applied.
            pixel_aspect: Width of a pixel divided by its height; 0 where unknown.
            reuse: Memory for the result, used if its shape fits.

        Raises:
            av.FFmpegError: The frame cannot be converted.
        """
        colours = frame.format.name, int(frame.colorspace), int(frame.color_range)
        form = (frame.width, frame.height, *colours, frame.rotation, pixel_aspect)
        if self._graph is None or form != self._form:
            self._graph, self._form = filter_graph(frame, pixel_aspect), form
        self._graph.vpush(frame)
        packed = self._graph.vpull()
        plane, shape = packed.planes[0], (packed.height, packed.width, 3)
        strides = plane.line_size, 3, 1
        pixels: Image = np.ndarray(shape, np.uint8, memoryview(plane), strides=strides)
        image = fitting_memory(reuse, shape)
        cv2.copyTo(pixels, None, image)  # type: ignore[call-overload]  # faster than NumPy
        return image


def _display_matrix(frame: av.VideoFrame) -> Sequence[int]:
    """Return the display matrix of a frame, see `orientation_filters`.

    Do not call this for every frame: PyAV's side data and its frame refer to each other, so their
    memory is freed only by Python's cyclic garbage collector.
    """
    try:
        data = cast("Mapping[Type, Buffer]", frame.side_data).get(Type.DISPLAYMATRIX)
    except ValueError:  # PyAV 18 raises this if any side data of the frame is of an unknown kind
        return TURNS.get(frame.rotation % 360, UPRIGHT)
    return UPRIGHT if data is None else memoryview(data).cast("i").tolist()


def filter_graph(frame: av.VideoFrame, pixel_aspect: float) -> Graph:
    """Build the filters that convert frames like this one to upright BGR with square pixels."""
    turn = orientation_filters(_display_matrix(frame))
    width, height = display_size(frame.width, frame.height, pixel_aspect)
    if any(name == "transpose" for name, _options in turn):
        width, height = height, width
    graph = Graph()
    source = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base="1/1000000",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )
    # One thread, because inference needs the cores.
    scale = graph.add("scale", w=str(width), h=str(height), threads="1")
    nodes = [source, *(graph.add(name, options) for name, options in turn), scale]
    nodes += [graph.add("format", "bgr24"), graph.add("buffersink")]
    graph.link_nodes(*nodes).configure()
    return graph
