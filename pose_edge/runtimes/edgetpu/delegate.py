"""The Edge TPU library as a delegate of LiteRT. Runs in the child process only."""

from __future__ import annotations

import ctypes
import importlib
import logging
from collections.abc import Callable
from typing import Any

from pose_edge.config.schema import EDGETPU_LIBRARY
from pose_edge.errors import UnavailableError
from pose_edge.runtimes.edgetpu.lookup import find_pycoral
from pose_edge.runtimes.litert import Accelerator, import_runtime

log = logging.getLogger(__name__)


def edgetpu_accelerator(library: str, device: str) -> Accelerator:
    """Prepare to run models on an Edge TPU.

    Google's pycoral is used where it is installed; it does the same.

    Args:
        library: Name or path of libedgetpu.
        device: The library's option: "" (any), "usb", "usb:0", "pci", "pci:0", ":1".

    Returns:
        What makes the interpreter; it raises UnavailableError when library or device are missing.
    """
    pycoral = find_pycoral()
    if pycoral == "namesake":
        log.info("the installed pycoral is not Google's but another project of that name: not used")
    version = library_version(library)
    describe = f"Edge TPU, {library}" + (f" {version}" if version else "")
    make: Callable[[str], Any] = _Delegate(library, device)
    if pycoral == "google" and library == EDGETPU_LIBRARY:
        describe += " through pycoral"
        make = _Pycoral(device, make)
    return Accelerator("edgetpu", describe, version, make)


class _Delegate:
    """Makes interpreters with the library as an external delegate."""

    def __init__(self, library: str, device: str) -> None:
        self._library = library
        self._device = device

    def __call__(self, path: str) -> Any:  # noqa: ANN401 - of either runtime
        _, interpreter = import_runtime()
        _, load_delegate = import_runtime("load_delegate")
        try:
            delegate = load_delegate(self._library, {"device": self._device})
        except OSError as error:
            raise UnavailableError(f"{self._library} cannot be loaded: {error}") from error
        except ValueError as error:  # the library says nothing when there is no device
            raise UnavailableError(no_device(self._library, self._device)) from error
        return interpreter(model_path=path, experimental_delegates=[delegate])


class _Pycoral:
    """Makes interpreters through Google's pycoral."""

    def __init__(self, device: str, otherwise: Callable[[str], Any]) -> None:
        self._device = device
        self._otherwise = otherwise

    def __call__(self, path: str) -> Any:  # noqa: ANN401
        try:
            utils = importlib.import_module("pycoral.utils.edgetpu")
        except (ImportError, OSError) as error:
            # It has a compiled part, for Python 3.9 at most, and needs a runtime of its own.
            log.info("Google's pycoral cannot be imported (%s): going on without it", error)
            return self._otherwise(path)
        try:
            return utils.make_interpreter(path, device=self._device or None)
        except ValueError as error:
            raise UnavailableError(no_device(EDGETPU_LIBRARY, self._device)) from error


def no_device(library: str, device: str) -> str:
    """Say that the library found no device that it could open."""
    which = f" for device {device!r}" if device else ""
    return (
        f"{library} opens no Edge TPU{which}: it is not there, in use by another program, or not "
        "permitted"
    )


def library_version(library: str) -> str | None:
    """Ask the library for its version; None when it cannot be loaded or does not say."""
    try:
        version = ctypes.CDLL(library).edgetpu_version
    except (OSError, AttributeError):
        return None
    version.restype = ctypes.c_char_p
    text: bytes | None = version()
    return text.decode("utf-8", "replace") if text else None
