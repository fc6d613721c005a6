"""Let ``python -m pose_edge`` do what ``pose-edge`` does."""

import sys

from pose_edge.cli.main import main

if __name__ == "__main__":  # a child process imports this module under another name
    sys.exit(main())
