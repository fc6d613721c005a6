"""The end of an X server, survived.

When the connection to the server breaks, Xlib ends the whole process. Since version 1.7 it can be
told not to, connection by connection: its calls then return, and do nothing any more. SDL opens two
connections and tells of one; the other is learnt from Xlib, which prepares each for use by several
threads through a function that can be replaced.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pose_edge.displays.sdl import Sdl

LIBRARY: Final = "libX11.so.6"

PREPARE: Final = "_XInitDisplayLock_fn"
"""Xlib's variable that points to the function that prepares a new connection."""

UNMAP_NOTIFY: Final = 18
"""Type of the event that tells that a window has disappeared."""

EVENT_BYTES: Final = 24 * ctypes.sizeof(ctypes.c_long)
"""Of any event, of which most is not used by those that are made here."""

Prepare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)

log = logging.getLogger(__name__)


class _Unmapped(ctypes.Structure):
    """Xlib's XUnmapEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("event", ctypes.c_ulong),
        ("window", ctypes.c_ulong),
        ("from_configure", ctypes.c_int),
        ("unused", ctypes.c_ubyte * EVENT_BYTES),
    )


class ServerWatch:
    """Notices that the X server has gone."""

    def __init__(self) -> None:
        """Take the place of Xlib's reaction; does nothing where Xlib cannot be told."""
        self.lost = False
        self._xlib = _load()
        if self._xlib is not None:
            # C holds no references to these: they must live until others are set.
            self._on_error = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._note)
            self._on_exit = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(_stay)
            self._before = self._xlib.XSetIOErrorHandler(self._on_error)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watchdog all connections that are opened meanwhile."""
        if self._xlib is None:
            yield
            return
        self._xlib.XInitThreads()
        pointer = ctypes.c_void_p.in_dll(self._xlib, PREPARE)
        usual = pointer.value
        opened: list[int] = []

        def prepare(connection: int) -> int:
            opened.append(connection)
            return Prepare(usual)(connection) if usual else 0

        ours = Prepare(prepare)
        pointer.value = ctypes.cast(ours, ctypes.c_void_p).value
        try:
            yield
        finally:
            pointer.value = usual
        for connection in opened:
            self._xlib.XSetIOErrorExitHandler(connection, self._on_exit, None)

    def let_go(self, sdl: Sdl, window: Any) -> None:  # noqa: ANN401
        """Make sure that a window of SDL can be closed, server or not.

        SDL hides it, and waits for the server's answer. That of a server that has ended is put into
        the queue here.
        """
        if not self.lost or self._xlib is None:
            return
        api = sdl.api
        info = api.SDL_SysWMinfo()
        api.SDL_GetVersion(info.version)
        api.SDL_GetWindowWMInfo(window, info)
        connection, number = info.info.x11.display, info.info.x11.window
        answer = _Unmapped(UNMAP_NOTIFY, display=connection, event=number, window=number)
        self._xlib.XPutBackEvent(connection, ctypes.byref(answer))

    def close(self) -> None:
        """Put Xlib's own reaction back, when all connections are closed."""
        if self._xlib is not None:
            self._xlib.XSetIOErrorHandler(self._before)

    def _note(self, _connection: int) -> int:
        self.lost = True
        return 0


def _stay(_connection: int, _data: int) -> None:
    """Take the place of exit()."""


def _load() -> Any:  # noqa: ANN401 - a library of C
    try:
        xlib = ctypes.CDLL(LIBRARY)
        xlib.XSetIOErrorExitHandler.argtypes = [ctypes.c_void_p] * 3
        Prepare.in_dll(xlib, PREPARE)
    except (OSError, AttributeError, ValueError) as error:
        log.debug("an end of the X server would end this program: %s", error)
        return None
    xlib.XSetIOErrorExitHandler.restype = None
    xlib.XPutBackEvent.argtypes = [ctypes.c_void_p] * 2
    xlib.XSetIOErrorHandler.argtypes = [ctypes.c_void_p]
    xlib.XSetIOErrorHandler.restype = ctypes.c_void_p
    return xlib
