"""What libraries write to the standard error by themselves."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def native_log_captured() -> Iterator[None]:
    """Send what C++ code writes to the standard error to the log, at level debug.

    TensorFlow Lite announces its parts there and offers no way to turn that off. The whole
    process's standard error is redirected meanwhile: use it at start, around short calls.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            captured.seek(0)
            for line in captured.read().decode("utf-8", "replace").splitlines():
                log.debug("%s", line)
