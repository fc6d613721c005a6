"""The Edge TPU library as a delegate of LiteRT. Runs in the child process only."""

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
    """Prepare to run models on an Edge TPU, through Google's pycoral where it is installed.

    Args:
        library: Name or path of libedgetpu.
        device: Option of the library: "" (any), "usb", "usb:0", "pci", "pci:0", ":1".

    Returns:
        What makes the interpreter; it raises UnavailableError when library or device are missing.
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
    """Make an interpreter with the library as an external delegate."""
    _, interpreter = import_runtime()
    _, load_delegate = import_runtime("load_delegate")
    try:
        delegate = load_delegate(library, {"device": device})
    except OSError as error:
        raise UnavailableError(f"{library} cannot be loaded: {error}") from error
    except ValueError as error:  # the library gives no reason when there is no device
        raise UnavailableError(_no_device(library, device)) from error
    return interpreter(model_path=path, experimental_delegates=[delegate])


def _make_with_pycoral(device: str, path: str) -> Any:  # noqa: ANN401
    try:
        utils = importlib.import_module("pycoral.utils.edgetpu")
    except (ImportError, OSError) as error:
        # It has a compiled part, for Python 3.9 at most, and needs a runtime of its own.
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
    """Return the library's version; None when it cannot be loaded or does not tell."""
    try:
        version = ctypes.CDLL(library).edgetpu_version
    except (OSError, AttributeError):
        return None
    version.restype = ctypes.c_char_p
    text: bytes | None = version()
    return text.decode("utf-8", "replace") if text else None
