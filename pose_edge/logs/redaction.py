"""No password of an address in any text, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "***"
CUT: Final = "..."

WORD: Final = re.compile(r"[^ \t\r\n\f\v]+")
"""A run without ASCII space: an address ends there, whatever other letters it is made of."""


class Redactor:
    """Takes user names, passwords and queries of addresses out of texts."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        """Remember known addresses.

        A password with a space in it cannot be told from the words around it; of a known address
        it is taken out all the same.

        Args:
            addresses: URLs, among anything else.
        """
        found = {user for address in addresses for user in _users(address)}
        self._known = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without what must not be shown; in doubt too much is taken out."""
        if "@" not in text and "://" not in text:
            return text
        for user in self._known:
            text = text.replace(user, f"{HIDDEN}@")
        return WORD.sub(lambda word: _redact_word(word[0]), text)


def _redact_word(word: str) -> str:
    before, mark, address = word.partition("://")
    if not mark:
        # user:password@host, of an address that somebody has taken apart
        return _without_user(word)
    # A password may hold / ? # and @: all up to the last @ may belong to it.
    _user, at, rest = address.rpartition("@")
    path, query, _more = rest.partition("?")  # which may hold a token
    shown = f"{HIDDEN if at else ''}{at}{path}{query}{CUT if query else ''}"
    return f"{_without_user(before)}{mark}{shown}"


def _without_user(word: str) -> str:
    user, at, host = word.rpartition("@")
    return f"{HIDDEN}@{host}" if at and ":" in user else word


def _users(address: str) -> set[str]:
    """Return "user:password@" of an address, as it is written, meant and printed."""
    _scheme, mark, rest = address.partition("://")
    user, at, _host = rest.rpartition("@")
    if not (mark and at and user):
        return set()
    meant = {f"{user}@", f"{unquote(user)}@"}
    return meant | {repr(one)[1:-1] for one in meant}
