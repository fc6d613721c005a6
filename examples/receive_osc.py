"""Print the wrist positions and events that `pose-edge run --osc` sends.

    pip install python-osc
    python examples/receive_osc.py 9000
    pose-edge run --osc 127.0.0.1:9000

docs/osc.md lists the OSC addresses.
"""

from __future__ import annotations

import sys

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer


def show(address: str, *values: float) -> None:
    """Print a message, e.g. `/poses/0/leftWrist 0.412 0.655 0.870`."""
    print(address, *(f"{value:.3f}" for value in values), flush=True)


def main() -> None:
    """Print messages until Ctrl-C."""
    dispatcher = Dispatcher()
    dispatcher.map("/poses/*/leftWrist", show)
    dispatcher.map("/poses/*/rightWrist", show)
    dispatcher.map("/event/*", show)
    server = BlockingOSCUDPServer(("", int(sys.argv[1])), dispatcher)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
