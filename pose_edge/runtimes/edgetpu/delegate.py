"""The Edge TPU library as a LiteRT delegate. Used in the child process only."""

from __future__ import annotations

import ctypes
import importlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from pose_edge.config.schema import EDGETPU_LIBRARY
from pose_edge.errors import UnavailableError
from pose_edge.runtimes.edgetpu.lookup import find_pycoral
from pose_edge.runtimes.litert import Accelerator, import_runtime

log = logging.getLogger(__name__)


def edgetpu_accelerator(library: str, device: str) -> Accelerator:
    """Return the Edge TPU as an accelerator.

    Google's pycoral is used if it is installed and the library is the default one.

    Args:
        library: Name or path of libedgetpu.
        device: The library's device option: "" (any), "usb", "usb:0", "pci", "pci:0", ":1".

    Returns:
        The accelerator. Its `make_interpreter` raises UnavailableError if the library or the device
        is missing.
    """
    pycoral = find_pycoral()
    if pycoral == "namesake":
        log.info("the installed pycoral is not Google's but another project of that name: not used")
    version = library_version(library)
    describe = f"Edge TPU, {library}" + (f" {version}" if version else "")
    make: Callable[[str], Any] = partial(_make_interpreter, library, device)
    if pycoral == "google" and library == EDGETPU_LIBRARY:
        describe += " through pycoral"
        make = partial(_make_with_pycoral, device)
    return Accelerator("edgetpu", describe, version, make)


def _make_interpreter(library: str, device: str, path: str) -> Any:  # noqa: ANN401 - of either runtime
    """Create an interpreter with the library as an external delegate."""
    _, interpreter = import_runtime()
    _, load_delegate = import_runtime("load_delegate")
    try:
        delegate = load_delegate(library, {"device": device})
    except OSError as error:
        raise UnavailableError(f"{library} cannot be loaded: {error}") from error
    except ValueError as error:  # the library gives no reason if it cannot open a device
        raise UnavailableError(_no_device(library, device)) from error
    return interpreter(model_path=path, experimental_delegates=[delegate])


def _make_with_pycoral(device: str, path: str) -> Any:  # noqa: ANN401
    try:
        utils = importlib.import_module("pycoral.utils.edgetpu")
    except (ImportError, OSError) as error:
        # pycoral has a compiled module for Python 3.9 at most, and requires its own runtime.
        log.info("Google's pycoral cannot be imported (%s): going on without it", error)
        return _make_interpreter(EDGETPU_LIBRARY, device, path)
    try:
        return utils.make_interpreter(path, device=device or None)
    except ValueError as error:
        raise UnavailableError(_no_device(EDGETPU_LIBRARY, device)) from error


def _no_device(library: str, device: str) -> str:
    which = f"{library} opens no Edge TPU" + (f" for device {device!r}" if device else "")
    return f"{which}: it is not there, in use by another program, or not permitted"


def library_version(library: str) -> str | None:
    """Return the library's version; None if it cannot be loaded or does not report one."""
    try:
        version = ctypes.CDLL(library).edgetpu_version
    except (OSError, AttributeError):
        return None
    version.restype = ctypes.c_char_p
    text: bytes | None = version()
    return text.decode("utf-8", "replace") if text else None
