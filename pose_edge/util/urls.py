"""Removal of the secrets of addresses from every text that is shown or logged.

Secrets are user names and passwords, queries, and path segments that look like a token. A segment
that looks like a name (`/live/stream1`, `/cgi-bin/snapshot.cgi`) is kept: it tells what was
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "***"
CUT: Final = "..."

WORD: Final = re.compile(r"[^ \t\r\n\f\v]+")
"""A run of characters without ASCII whitespace; any other character may be part of an address."""

SEGMENT: Final = re.compile(r"[^/#:\"'<>(),\s]+")
"""A path segment, without the characters that may surround an address in a text."""
RUN: Final = re.compile(r"[A-Za-z0-9]+")
FORMATS: Final = re.compile(r"h26[3-6]|mpe?g[-_]?\d|mp[34]|m3u8|[0-9]{3,4}p", re.IGNORECASE)
"""Names of formats, whose digits do not make them look like a token."""
NAME: Final = re.compile(r"[A-Za-z]{1,10}[0-9]{1,3}|[0-9]{1,6}|[A-Za-z]{1,16}")
"""A name, a name with a number, or a number."""
GUARDS: Final = re.compile(r"secret|token|passw|pwd|api_?key|auth|session|signature", re.IGNORECASE)
"""Words that announce a secret."""
SHORTEST: Final = 5
"""Least number of characters of a text that can look like a secret."""


class Redactor:
    """Removes the secrets of addresses from texts."""

    def __init__(self, addresses: Iterable[str] = (), *, public: Iterable[str] = ()) -> None:
        """Create the redactor.

        Args:
            addresses: Addresses in use, whose secrets are removed wherever they occur. Texts that
                are not addresses are ignored.
            public: Addresses without secrets, which are kept whatever they look like.
        """
        self._public = frozenset(public)
        found = {secret for address in addresses for secret in _secrets(address)}
        self._known = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without secrets; in doubt, too much is removed."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, f"{HIDDEN}@" if secret.endswith("@") else HIDDEN)
        if "@" not in text and "://" not in text:
            return text
        return WORD.sub(lambda word: self._redact(word[0]), text)

    def _redact(self, word: str) -> str:
        return word if word.rstrip(":;,.") in self._public else _redact_word(word)


def redact(url: str) -> str:
    """Return a URL without its secrets; any other text is returned unchanged."""
    return _redact_word(url) if "://" in url else url


def _redact_word(word: str) -> str:
    before, mark, address = word.partition("://")
    if not mark:
        return _without_user(word)  # user:password@host, as some libraries print addresses
    # A password may contain / ? # and @: everything up to the last @ may belong to it.
    user, at, rest = address.rpartition("@")
    if "?" in user:  # a password with ?, or a query with @: it is unclear where the host is
        return f"{_without_user(before)}{mark}{HIDDEN}"
    path, query, _more = rest.partition("?")
    shown = f"{HIDDEN if at else ''}{at}{_without_tokens(path)}{query}{CUT if query else ''}"
    return f"{_without_user(before)}{mark}{shown}"


def _without_user(word: str) -> str:
    user, at, host = word.rpartition("@")
    return f"{HIDDEN}@{host}" if at and ":" in user else word


def _without_tokens(address: str) -> str:
    """Return host and path without the path segments that look like a secret."""
    host, slash, path = address.partition("/")
    for token in sorted(_tokens(path), key=len, reverse=True):
        path = path.replace(token, HIDDEN)
    return f"{host}{slash}{path}"


def _tokens(path: str) -> Iterator[str]:
    """Yield the path segments that look like a secret, or follow a word that announces one."""
    parts = ["", *(part[0] for part in SEGMENT.finditer(path))]
    for before, part in pairwise(parts):
        if part != HIDDEN and (_looks_secret(part) or GUARDS.fullmatch(before)):
            yield part


def _looks_secret(part: str) -> bool:
    """Return whether a segment may be a secret: it is not a name, or it contains parameters."""
    if "=" in part or ";" in part or GUARDS.search(part):
        return True
    runs = RUN.findall(FORMATS.sub("-", unquote(part)))
    return any(len(run) >= SHORTEST and not NAME.fullmatch(run) for run in runs) or any(
        len(re.findall(r"[a-z][A-Z]", run)) > 2 for run in runs
    )


def _secrets(address: str) -> set[str]:
    """Return the secrets of an address: as written, decoded, and as `repr` shows them."""
    _scheme, mark, whole = address.partition("://")
    if not mark:
        return set()
    user, at, rest = whole.rpartition("@")
    path, _, query = rest.partition("?")
    found = {f"{user}@"} if at and user else set()
    found |= {whole} if "?" in user else set()
    found |= set(_tokens(path.partition("/")[2]))
    found |= {text for text in (query, *_values(query)) if len(text) >= SHORTEST}
    found |= {unquote(one) for one in found}
    return found | {repr(one)[1:-1] for one in found}


def _values(query: str) -> Iterator[str]:
    """Yield the values in a query that may be secrets."""
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if GUARDS.search(name) or _looks_secret(value):
            yield value
