"""Let ``python -m pose_edge`` do what ``pose-edge`` does."""

import sys

from pose_edge.cli import main

sys.exit(main())
