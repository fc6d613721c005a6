"""Drawing a scene with SDL's renderer: the GPU scales, flips, rotates and blends."""

from __future__ import annotations

import ctypes
import logging
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.displays.mesh import triangulate
from pose_edge.displays.screen_layout import ScreenLayout, placed_picture
from pose_edge.displays.sdl import Sdl
from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay import Capsules, Drawing, Rectangle, Scene, Size, StampCache
from pose_edge.overlay.placement import shown_part

log = logging.getLogger(__name__)


class GpuPainter:
    """Paints scenes on an SDL window, with a renderer and textures of its own.

    Every method may raise `SdlError`.
    """

    def __init__(self, sdl: Sdl, window: Any, *, software: bool) -> None:  # noqa: ANN401
        """Create a renderer.

        Args:
            sdl: The library.
            window: SDL's window.
            software: Whether to fall back to SDL's software renderer where there is no GPU.
        """
        api = sdl.api
        self._sdl = sdl
        self._api = api
        accelerated = api.SDL_RENDERER_ACCELERATED | api.SDL_RENDERER_PRESENTVSYNC
        renderer = api.SDL_CreateRenderer(window, -1, accelerated)
        if not renderer and software:
            log.debug("no accelerated renderer (%s): the CPU draws", sdl.error())
            renderer = api.SDL_CreateRenderer(window, -1, api.SDL_RENDERER_SOFTWARE)
        self._renderer = sdl.check(renderer)
        self._texture: Any = None
        self._texture_shape: tuple[int, ...] = ()
        self._stamps = StampCache(self._stamp_texture, api.SDL_DestroyTexture)
        api.SDL_SetRenderDrawBlendMode(renderer, api.SDL_BLENDMODE_BLEND)

    def upload(self, image: Image, order: ColourOrder) -> None:
        """Upload an image to the GPU at its own size.

        SDL's renderers support no 3-byte pixels. OpenCV converts to 4 bytes a pixel directly in the
        texture's memory, which is faster than SDL's own conversion.

        Args:
            image: uint8 (height, width, 3); its size may change from call to call.
            order: The image's colour order.
        """
        api, sdl = self._api, self._sdl
        height, width = image.shape[:2]
        if image.shape != self._texture_shape:
            self._drop_texture()
            # B, G, R and an unused byte in memory
            pixel_format, access = api.SDL_PIXELFORMAT_RGB888, api.SDL_TEXTUREACCESS_STREAMING
            self._texture = self._create_texture(pixel_format, access, (width, height))
            self._texture_shape = image.shape
        address, pitch = ctypes.c_void_p(), ctypes.c_int()
        sdl.check(
            api.SDL_LockTexture(self._texture, None, ctypes.byref(address), ctypes.byref(pitch))
        )
        assert address.value is not None
        rows = (ctypes.c_uint8 * (pitch.value * height)).from_address(address.value)
        pixels: Image = np.ndarray(
            (height, width, 4), np.uint8, memoryview(rows), strides=(pitch.value, 4, 1)
        )
        code = cv2.COLOR_BGR2BGRA if order == "BGR" else cv2.COLOR_RGB2BGRA
        cv2.cvtColor(image, code, dst=pixels)
        api.SDL_UnlockTexture(self._texture)

    def draw(self, scene: Scene, layout: ScreenLayout, *, picture: bool) -> None:
        """Draw a scene; `present` then shows it.

        Args:
            scene: What to draw; its image is not read, see `upload`.
            layout: The screen's size and rotation.
            picture: Whether to draw the image that was last uploaded; otherwise the background is
                black.
        """
        api, sdl = self._api, self._sdl
        place = placed_picture(scene.size, layout.size, layout.fit)
        drawing = scene.overlay(layout.size, place)
        sdl.check(api.SDL_SetRenderDrawColor(self._renderer, 0, 0, 0, 255))
        sdl.check(api.SDL_RenderClear(self._renderer))
        if picture:
            self._copy(self._texture, layout, place, mirror=scene.mirror)
        self._stamps.update(drawing)
        if len(drawing.capsules):
            self._draw_capsules(drawing.capsules, layout, place)
        for stamp in drawing.stamps:
            self._copy(self._stamps[stamp], layout, stamp.place)

    def present(self) -> None:
        """Show what was drawn; wait for the next vertical sync where the driver supports it."""
        self._sdl.present(self._renderer)

    def output_size(self) -> Size:
        """Return the size of the window's contents, or of the screen, pixels."""
        width, height = ctypes.c_int(), ctypes.c_int()
        self._sdl.check(
            self._api.SDL_GetRendererOutputSize(
                self._renderer, ctypes.byref(width), ctypes.byref(height)
            )
        )
        return width.value, height.value

    def close(self) -> None:
        """Destroy the renderer and its textures."""
        self._stamps.update(Drawing())
        self._drop_texture()
        self._api.SDL_DestroyRenderer(self._renderer)

    def _copy(
        self,
        texture: Any,  # noqa: ANN401
        layout: ScreenLayout,
        place: Rectangle,
        *,
        mirror: bool = False,
    ) -> None:
        api = self._api
        flip = api.SDL_FLIP_HORIZONTAL if mirror else api.SDL_FLIP_NONE
        target = api.SDL_FRect(*layout.centred(place))
        self._sdl.check(
            api.SDL_RenderCopyExF(
                self._renderer, texture, None, target, layout.rotation, None, flip
            )
        )

    def _draw_capsules(self, capsules: Capsules, layout: ScreenLayout, place: Rectangle) -> None:
        api, sdl = self._api, self._sdl
        corners, colours, indices = triangulate(capsules)
        corners = layout.turned(corners)
        bounds = layout.bounds(shown_part(layout.size, place))
        sdl.check(api.SDL_RenderSetClipRect(self._renderer, api.SDL_Rect(*bounds)))
        sdl.check(
            api.SDL_RenderGeometryRaw(
                self._renderer,
                None,
                corners.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                corners.strides[0],
                colours.ctypes.data_as(ctypes.POINTER(api.SDL_Color)),
                colours.strides[0],
                None,
                0,
                len(corners),
                indices.ctypes.data_as(ctypes.c_void_p),
                len(indices),
                indices.itemsize,
            )
        )
        sdl.check(api.SDL_RenderSetClipRect(self._renderer, None))

    def _stamp_texture(self, rgba: NDArray[np.uint8]) -> Any:  # noqa: ANN401
        api, sdl = self._api, self._sdl
        height, width = rgba.shape[:2]
        pixels = np.ascontiguousarray(rgba)
        pixel_format, access = api.SDL_PIXELFORMAT_RGBA32, api.SDL_TEXTUREACCESS_STATIC
        texture = self._create_texture(pixel_format, access, (width, height))
        api.SDL_SetTextureBlendMode(texture, api.SDL_BLENDMODE_BLEND)
        sdl.check(api.SDL_UpdateTexture(texture, None, pixels.ctypes.data, pixels.strides[0]))
        return texture

    def _create_texture(self, pixel_format: int, access: int, size: Size) -> Any:  # noqa: ANN401
        return self._sdl.check(
            self._api.SDL_CreateTexture(self._renderer, pixel_format, access, *size)
        )

    def _drop_texture(self) -> None:
        if self._texture:
            self._api.SDL_DestroyTexture(self._texture)
        self._texture, self._texture_shape = None, ()
