"""Changes of the settings of a run that come from outside: from a broker, or from a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

NOT_CHANGED: Final = "not changed: "
"""Begin of the answer to a change that was refused; the reason follows."""


def is_refusal(answer: str) -> bool:
    """Return whether an answer says that nothing was changed."""
    return answer.startswith(NOT_CHANGED)


class Steering(Protocol):
    """Takes changes of settings, which take effect as a reload of the configuration does."""

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        """Ask for a change of one setting; return at once.

        Args:
            key: The setting, e.g. "model.name".
            value: Its new value.
            answer: Called in another thread with a few words for people: what was changed, or why
                nothing was.
        """
