"""Requests from outside (an MQTT broker or the web page) to change a setting of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

NOT_CHANGED: Final = "not changed: "
"""Prefix of the answer to a refused change; the reason follows it."""


def is_refusal(answer: str) -> bool:
    """Return whether an answer says that nothing was changed."""
    return answer.startswith(NOT_CHANGED)


class Steering(Protocol):
    """Accepts changes of settings, which take effect like a reload of the configuration."""

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        """Request a change of one setting; return at once.

        A change of the overlay takes effect even if the settings have that value already, because
        a key may have changed what is drawn.

        Args:
            key: The setting, e.g. "model.name".
            value: Its new value.
            answer: Called in another thread with a short message for the user: what was changed,
                or why nothing was changed.
        """
