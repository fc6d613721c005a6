"""Access to SDL 2, imported on demand, which raises exceptions and uses this program's log."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pose_edge.errors import DisplayError

INSTALL_SDL: Final = "install it (pip install pysdl2 pysdl2-dll) or use --display none"

HARMLESS: Final = "Could not restore CRTC"
"""Start of an error message in SDL's log that is ignored. SDL logs it when it cannot restore what
was shown before, e.g. on a machine that was started without a screen."""

log = logging.getLogger(__name__)


class SdlError(Exception):
    """A call to SDL has failed; the message is SDL's."""


class Sdl:
    """The SDL library, with its log redirected to this program's log.

    Attributes:
        api: The module `sdl2`, whose functions have the names of SDL's documentation.
    """

    def __init__(self, api: Any) -> None:  # noqa: ANN401
        """Redirect SDL's log until `close`; `start_sdl` initialises the library."""
        self.api = api
        self._faults: list[str] = []
        # C holds no reference to the callback: keep it alive until SDL has another one.
        self._log_function = api.SDL_LogOutputFunction(self._on_log)
        api.SDL_LogSetOutputFunction(self._log_function, None)

    @property
    def driver(self) -> str:
        """SDL's name of the video driver in use, in lower case, e.g. "x11"."""
        return str(self.api.SDL_GetCurrentVideoDriver().decode().lower())

    def check(self, result: Any) -> Any:  # noqa: ANN401
        """Return the result of a call to SDL; raise `SdlError` if it is negative or null."""
        if result < 0 if isinstance(result, int) else not result:
            raise SdlError(self.error())
        return result

    def error(self) -> str:
        """Return SDL's message about its last failure."""
        return str(self.api.SDL_GetError().decode(errors="replace")) or "SDL gives no reason"

    def present(self, renderer: Any) -> None:  # noqa: ANN401
        """Show what a renderer has drawn; raise `SdlError` if the video driver logs an error.

        `SDL_RenderPresent` returns nothing, so only the log shows a failure.
        """
        self._faults.clear()
        self.api.SDL_RenderPresent(renderer)
        if self._faults:
            raise SdlError(self._faults[-1])

    def close(self) -> None:
        """Shut the library down."""
        self.api.SDL_Quit()
        self.api.SDL_LogSetOutputFunction(self.api.SDL_LogOutputFunction(), None)

    def _on_log(self, _data: object, category: int, priority: int, message: bytes) -> None:
        text = message.decode(errors="replace")
        log.debug("SDL: %s", text)
        api = self.api
        failed = category == api.SDL_LOG_CATEGORY_VIDEO and priority >= api.SDL_LOG_PRIORITY_ERROR
        if failed and not text.startswith(HARMLESS):
            self._faults.append(text)


def load_sdl() -> Any:  # noqa: ANN401 - PySDL2 has no types
    """Import and return the module `sdl2`; a run without a screen avoids this slow import.

    Raises:
        DisplayError: SDL is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PySDL2 warns about where it found the library
        try:
            import sdl2
        except (ImportError, OSError, RuntimeError) as error:
            raise DisplayError(f"SDL 2 cannot be loaded ({error})", remedy=INSTALL_SDL) from error
    return sdl2


@contextmanager
def start_sdl(
    api: Any,  # noqa: ANN401
    hints: Mapping[bytes, bytes],
    *,
    fault: str,
    remedy: str,
) -> Iterator[Sdl]:
    """Initialise SDL for a `with` body that opens a screen; shut SDL down if the body fails.

    Args:
        api: The module `sdl2`.
        hints: SDL's options; an environment variable of the same name takes precedence.
        fault: Start of the error message: what cannot be done.
        remedy: Advice to the user, for the error.

    Raises:
        DisplayError: SDL or the body has failed.
    """
    common = {
        # The program handles SIGINT and SIGTERM itself.
        api.SDL_HINT_NO_SIGNAL_HANDLERS: b"1",
        api.SDL_HINT_RENDER_SCALE_QUALITY: b"linear",
        # With "opengl", some drivers show a black screen without a desktop, and uploading a
        # picture takes three times as long.
        api.SDL_HINT_RENDER_DRIVER: b"opengles2",
        # Where the driver is set explicitly, SDL does not batch draw calls by default.
        api.SDL_HINT_RENDER_BATCHING: b"1",
    }
    sdl = Sdl(api)
    try:
        for hint, value in {**common, **hints}.items():
            api.SDL_SetHint(hint, value)
        sdl.check(api.SDL_Init(api.SDL_INIT_VIDEO))
        api.SDL_DisableScreenSaver()
        yield sdl
    except SdlError as error:
        sdl.close()
        raise DisplayError(f"{fault} ({error})", remedy=remedy) from error
    except DisplayError:
        sdl.close()
        raise
