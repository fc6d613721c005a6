"""The result of one inference pass on a possible person, and whether it is a person."""

from __future__ import annotations

from pose_edge.poses import MIN_SPREAD, Box, FloatArray, box_around


class Sighting:
    """The keypoints that one inference pass found, with their mean score, box and spread.

    These values are computed once, in plain Python: for 17 points, NumPy is slower.

    Attributes:
        keypoints: float32 (17, 3) as x, y, score; x and y in 0...1 of the frame.
        score: Mean score, 0...1, of the keypoints above the minimum score; 0 if there are none.
        box: See `box_of`.
    """

    __slots__ = ("_count", "_spread", "box", "keypoints", "score")

    def __init__(self, keypoints: FloatArray, min_score: float) -> None:
        """Evaluate keypoints.

        Args:
            keypoints: See the attribute.
            min_score: Minimum score of a keypoint. One that just equals it only counts for the box.
        """
        self.keypoints = keypoints
        rows = [row for row in keypoints.tolist() if row[2] >= min_score]
        self.box: Box = box_around(rows)
        counting = [row for row in rows if row[2] > min_score]
        self._count = len(counting)
        self.score = sum([row[2] for row in counting]) / self._count if counting else 0.0
        across, down = [row[0] for row in counting], [row[1] for row in counting]
        self._spread = max(max(across) - min(across), max(down) - min(down)) if counting else 0.0

    def is_person(self, min_count: int, min_spread: float = MIN_SPREAD) -> bool:
        """Return whether the keypoints above the minimum score are enough to be a person.

        Args:
            min_count: Minimum number of such keypoints; with 0 the answer is always True.
            min_spread: Fraction of the frame's width or height that their extent must exceed.
        """
        return min_count == 0 or (self._count >= min_count and self._spread > min_spread)
