"""Print how far each joint was bent, from a table that `--csv` writes.

    pose-edge annotate squats.mp4 --csv squats.csv
    python examples/read_table.py squats.csv

Needs nothing but Python; with pandas, `pandas.read_csv("squats.csv")` reads it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path


def main() -> None:
    """Print the smallest and largest angle of each joint."""
    with Path(sys.argv[1]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    print(f"{len(rows)} rows")
    for name in (name for name in (rows[0] if rows else ()) if name.endswith("_deg")):
        angles = [float(row[name]) for row in rows if row[name]]
        if angles:
            print(f"{name.removesuffix('_deg')}: {min(angles):.0f} to {max(angles):.0f} degrees")


if __name__ == "__main__":
    main()
