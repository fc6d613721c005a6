"""Runs each graph of a model file on the emulated processor, while the QEMU plug-in counts.

    python guest.py MODEL.tflite REPEATS

Needs ai-edge-litert, but not pose_edge. For each graph it writes `input HEIGHT WIDTH` to the
standard error, where the plug-in writes a count before and after each run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(path: str, repeats: str) -> None:
    """Run every graph once to prepare it, and then `repeats` times while the plug-in counts."""
    interpreter = Interpreter(model_content=Path(path).read_bytes(), num_threads=1)
    for name in interpreter.get_signature_list():
        run = interpreter.get_signature_runner(name)
        ((tensor, details),) = run.get_input_details().items()
        shape = tuple(details["shape"])
        picture = np.random.default_rng(0).integers(0, 256, shape).astype(details["dtype"])
        run(**{tensor: picture})
        os.write(2, f"input {shape[1]} {shape[2]}\n".encode())
        os.getppid()  # at this system call, the plug-in writes the count so far
        for _ in range(int(repeats)):
            run(**{tensor: picture})
            os.getppid()


if __name__ == "__main__":
    main(*sys.argv[1:])
