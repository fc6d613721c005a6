"""Print the position of each person's nose, from the datagrams that `pose-edge run --udp` sends.

    python examples/receive_udp.py 9001
    pose-edge run --udp 127.0.0.1:9001

Needs nothing but Python. Each datagram is one line of JSON, as `--poses` writes it.
"""

from __future__ import annotations

import json
import socket
import sys


def main() -> None:
    """Print a line for every person in every datagram, until Ctrl-C."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", int(sys.argv[1])))
    print("listening", flush=True)
    while True:
        record = json.loads(receiver.recv(65_507))
        width, height = record["frame"]
        for pose in record["poses"]:
            x, y, score = pose["keypoints"][0]
            place = f"{x * width:.0f} {y * height:.0f} ({score:.2f})"
            print(f"frame {record['seq']}: person {pose['id']}: nose at {place}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
