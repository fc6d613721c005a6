"""Print who enters and who leaves, from the lines that `pose-edge run --poses -` writes.

    pose-edge run --poses - | python examples/read_events.py

Needs nothing but Python.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Print a line for each person who enters or leaves, and for each change of their number."""
    for line in sys.stdin:
        record = json.loads(line)
        for event in record.get("events", ()):
            match event["type"]:
                case "person_entered":
                    print(f"person {event['id']} has come", flush=True)
                case "person_left":
                    print(f"person {event['id']} has left after {event['seconds']:.1f} s")
                case "people":
                    print(f"{event['people']} people")


if __name__ == "__main__":
    main()
