"""Run the ``pose-edge`` command line as ``python -m pose_edge``."""

import sys

from pose_edge.cli.main import main

if __name__ == "__main__":  # a child process imports this module under another name
    sys.exit(main())
