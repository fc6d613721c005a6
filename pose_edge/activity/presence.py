"""Who has come and who has left, for programs that want no coordinates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

PERSON_ENTERED: Final = "person_entered"
PERSON_LEFT: Final = "person_left"
PEOPLE: Final = "people"

ActivityEvent: TypeAlias = dict[str, Any]
"""`type` and what belongs to it: `id` for somebody who has entered, `id` and `seconds` for somebody
who has left, `people` for their number."""


@dataclass(slots=True)
class _Visit:
    """The presence of one person.

    Attributes:
        first_s: When they were first seen.
        seen_s: When they were last seen.
        announced: Whether it was said that they have entered.
    """

    first_s: float
    seen_s: float
    announced: bool = False


class Presence:
    """Tells from the ids in each frame who enters and who leaves.

    A person has entered once they were seen for `enter_s`, and has left once they were not seen
    for `leave_s`: a flicker of the poses is neither. Pauses that are shorter count as presence.

    Attributes:
        people: How many are there.
    """

    def __init__(self, enter_s: float, leave_s: float) -> None:
        """Start without people.

        Args:
            enter_s: Seconds in sight before it is said, from 0.
            leave_s: Seconds out of sight before it is said, from 0.
        """
        self._enter_s = enter_s
        self._leave_s = leave_s
        self._time_s = 0.0
        self._visits: dict[int, _Visit] = {}
        self.people = 0

    def change(self, enter_s: float, leave_s: float) -> None:
        """Go on with other limits, and with the people who are there."""
        self._enter_s = enter_s
        self._leave_s = leave_s

    def update(self, ids: Collection[int], time_s: float) -> tuple[ActivityEvent, ...]:
        """Take the people of the next frame.

        Args:
            ids: Their ids; see `Pose.id`.
            time_s: The frame's time, seconds, on any clock. When it goes backwards, a new
                sequence begins, and everybody of the one before has left.

        Returns:
            The events in their order: who has left, who has entered, and the number of people
            when it has changed.
        """
        restarted = time_s < self._time_s
        self._time_s = time_s
        events = [
            event
            for number, visit in list(self._visits.items())
            if restarted or self._is_over(number, visit, ids)
            for event in self._end(number)
        ]
        for number in ids:
            visit = self._visits.setdefault(number, _Visit(time_s, time_s))
            visit.seen_s = time_s
            if not visit.announced and time_s - visit.first_s >= self._enter_s:
                visit.announced = True
                events.append({"type": PERSON_ENTERED, "id": number})
        before, self.people = self.people, sum(one.announced for one in self._visits.values())
        if self.people != before:
            events.append({"type": PEOPLE, "people": self.people})
        return tuple(events)

    def _is_over(self, number: int, visit: _Visit, ids: Collection[int]) -> bool:
        """Return whether somebody has been away for long enough, back now or not."""
        away_s = self._time_s - visit.seen_s
        return away_s > self._leave_s or (number not in ids and away_s >= self._leave_s)

    def _end(self, number: int) -> list[ActivityEvent]:
        """Forget a person; return what is to be said of it."""
        visit = self._visits.pop(number)
        if not visit.announced:
            return []
        seconds = round(visit.seen_s - visit.first_s, 3)
        return [{"type": PERSON_LEFT, "id": number, "seconds": seconds}]
