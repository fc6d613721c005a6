"""What one inference pass has found in the place of a person, and whether it is one."""

from __future__ import annotations

from pose_edge.poses import MIN_SPREAD, Box, FloatArray, box_around


class Sighting:
    """The keypoints that a pass has found, and what follows from those that count.

    Everything is computed once, in plain numbers: for 17 points, NumPy's calls take longer.

    Attributes:
        keypoints: float32 (17, 3) as x, y, score; x and y in 0...1 of the frame.
        score: The mean score, 0...1, of the keypoints that count; 0 when there are none.
        box: See `box_of`.
    """

    __slots__ = ("_count", "_spread", "box", "keypoints", "score")

    def __init__(self, keypoints: FloatArray, min_score: float) -> None:
        """Look at keypoints.

        Args:
            keypoints: See the attribute.
            min_score: Keypoints above this score count, and those at it for the box only.
        """
        self.keypoints = keypoints
        rows = [row for row in keypoints.tolist() if row[2] >= min_score]
        self.box: Box = box_around(rows)
        counting = [row for row in rows if row[2] > min_score]
        self._count = len(counting)
        self.score = sum([row[2] for row in counting]) / self._count if counting else 0.0
        across, down = [row[0] for row in counting], [row[1] for row in counting]
        self._spread = max(max(across) - min(across), max(down) - min(down)) if counting else 0.0

    def is_somebody(self, min_count: int, min_spread: float = MIN_SPREAD) -> bool:
        """Return whether enough keypoints count, and far enough from each other, for a person.

        Args:
            min_count: So many must count; with 0 everything is somebody.
            min_spread: They must extend over more than this part of the frame's width or height.
        """
        return min_count == 0 or (self._count >= min_count and self._spread > min_spread)
