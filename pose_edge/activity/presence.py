"""Detect who has entered and who has left, for programs that need no coordinates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pose_edge.frames import LONG_GAP_S

PERSON_ENTERED: Final = "person_entered"
PERSON_LEFT: Final = "person_left"
PEOPLE: Final = "people"

ActivityEvent: TypeAlias = dict[str, Any]
"""An event as a JSON object: `type`, and `id` when a person has entered, `id` and `seconds` (length
of stay) when a person has left, or `people` when the number of people has changed."""


@dataclass(slots=True)
class _Visit:
    """The presence of one person.

    Attributes:
        first_s: When they were first seen.
        seen_s: When they were last seen.
        announced: Whether `PERSON_ENTERED` was reported.
    """

    first_s: float
    seen_s: float
    announced: bool = False


class Presence:
    """Detects from the ids in each frame who enters and who leaves.

    A person has entered after being seen for `enter_s`, and has left after not being seen for
    `leave_s`, so flickering poses cause no events. Shorter gaps count as presence; so does the time
    between two consecutive frames that both show the person, up to `LONG_GAP_S`.

    Attributes:
        people: Number of people present.
    """

    def __init__(self, enter_s: float, leave_s: float) -> None:
        """Start with nobody present.

        Args:
            enter_s: Seconds in sight after which a person has entered, 0 or more.
            leave_s: Seconds out of sight after which a person has left, 0 or more.
        """
        self._enter_s = enter_s
        self._leave_s = leave_s
        self._time_s = 0.0
        self._visits: dict[int, _Visit] = {}
        self.people = 0

    def change(self, enter_s: float, leave_s: float) -> None:
        """Change the delays; the people present are kept."""
        self._enter_s = enter_s
        self._leave_s = leave_s

    def update(self, ids: Collection[int], time_s: float) -> tuple[ActivityEvent, ...]:
        """Update the people present from the next frame, and return the events.

        Args:
            ids: Ids of the people in the frame; see `Pose.id`.
            time_s: The frame's time, seconds, on any clock. If it goes backwards, a new sequence
                begins, and everybody of the previous one has left.

        Returns:
            The events in this order: who has left, who has entered, and the number of people if it
            has changed.
        """
        before_s, self._time_s = self._time_s, time_s
        events = [
            event
            for number, visit in list(self._visits.items())
            if time_s < before_s or self._is_over(visit, before_s, here=number in ids)
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

    def _is_over(self, visit: _Visit, before_s: float, *, here: bool) -> bool:
        """Return whether a person was away long enough to have left, even if back by now.

        Args:
            visit: The person's visit.
            before_s: Time of the previous frame.
            here: Whether the person is in the current frame.
        """
        away_s = self._time_s - visit.seen_s
        if not here:
            return away_s >= self._leave_s
        missed = visit.seen_s < before_s
        return away_s > (self._leave_s if missed else max(self._leave_s, LONG_GAP_S))

    def _end(self, number: int) -> list[ActivityEvent]:
        """Remove a person; return the event, if their entry was reported."""
        visit = self._visits.pop(number)
        if not visit.announced:
            return []
        seconds = round(visit.seen_s - visit.first_s, 3)
        return [{"type": PERSON_LEFT, "id": number, "seconds": seconds}]
