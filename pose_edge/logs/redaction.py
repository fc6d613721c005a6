"""Remove passwords of addresses from texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "***"
CUT: Final = "..."

WORD: Final = re.compile(r"[^ \t\r\n\f\v]+")
"""A run without ASCII space: an address ends there, whatever other characters it consists of."""


class Redactor:
    """Removes user names, passwords and queries of addresses from texts."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        """Learn the URLs in use: a password with a space is recognised only if its URL is known.

        Anything else among the addresses is ignored.
        """
        found = {user for address in addresses for user in _users(address)}
        self._known = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without secrets; in doubt, too much is removed."""
        if "@" not in text and "://" not in text:
            return text
        for user in self._known:
            text = text.replace(user, f"{HIDDEN}@")
        return WORD.sub(lambda word: _redact_word(word[0]), text)


def _redact_word(word: str) -> str:
    before, mark, address = word.partition("://")
    if not mark:
        return _without_user(word)  # user:password@host, as some libraries print addresses
    # A password may hold / ? # and @: all up to the last @ may belong to it.
    _user, at, rest = address.rpartition("@")
    path, query, _more = rest.partition("?")  # a query may hold a token
    shown = f"{HIDDEN if at else ''}{at}{path}{query}{CUT if query else ''}"
    return f"{_without_user(before)}{mark}{shown}"


def _without_user(word: str) -> str:
    user, at, host = word.rpartition("@")
    return f"{HIDDEN}@{host}" if at and ":" in user else word


def _users(address: str) -> set[str]:
    """Return the part "user:password@" of an address: as written, decoded, and as `repr` of it."""
    _scheme, mark, rest = address.partition("://")
    user, at, _host = rest.rpartition("@")
    if not (mark and at and user):
        return set()
    plain = {f"{user}@", f"{unquote(user)}@"}
    return plain | {repr(one)[1:-1] for one in plain}
