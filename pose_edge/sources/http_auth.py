"""HTTP Basic and Digest authentication for network cameras (RFC 7617, RFC 7616).

`urllib.request` supports both, but tries a wrong password six times (some cameras then lock the
user out), supports only MD5, and fails on a password that is not ASCII.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from typing import Final
from urllib.request import parse_http_list, parse_keqv_list

HASHES: Final = {"md5": "md5", "sha-256": "sha256"}
"""hashlib's names of the hash functions, by the algorithm's name in a challenge, in lower case."""


def authorization(
    challenges: Iterable[str],
    user: str,
    password: str,
    path: str,
    *,
    make_nonce: Callable[[], str] = lambda: secrets.token_hex(8),
) -> str | None:
    """Return the Authorization header that answers a camera's challenges.

    Args:
        challenges: Values of the WWW-Authenticate headers; Digest is preferred to Basic.
        user: User name.
        password: Password.
        path: Path and query of the request.
        make_nonce: Creates the client's nonce.

    Returns:
        The header's value; None if no challenge is supported.
    """
    basic = None
    for challenge in challenges:
        scheme, _, rest = challenge.strip().partition(" ")
        if scheme.lower() == "digest":
            digest = _digest(rest, user, password, path, make_nonce())
            if digest is not None:
                return digest
        elif scheme.lower() == "basic":
            token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
            basic = f"Basic {token}"
    return basic


def _digest(challenge: str, user: str, password: str, path: str, own_nonce: str) -> str | None:
    fields = [one for one in parse_http_list(challenge) if "=" in one]
    given = {key.lower(): value for key, value in parse_keqv_list(fields).items()}
    algorithm = given.get("algorithm", "MD5")
    name = HASHES.get(algorithm.lower().removesuffix("-sess"))
    qops = [one.strip().lower() for one in given.get("qop", "").split(",")]
    if name is None or "nonce" not in given or not ("auth" in qops or qops == [""]):
        return None

    def digest(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce = given.get("realm", ""), given["nonce"]
    secret = digest(f"{user}:{realm}:{password}")
    if algorithm.lower().endswith("-sess"):
        secret = digest(f"{secret}:{nonce}:{own_nonce}")
    request = digest(f"GET:{path}")
    answer = {"username": user, "realm": realm, "nonce": nonce, "uri": path}
    bare = f"algorithm={algorithm}"
    if "auth" in qops:
        bare += ", qop=auth, nc=00000001"
        answer["cnonce"] = own_nonce
        answer["response"] = digest(f"{secret}:{nonce}:00000001:{own_nonce}:auth:{request}")
    else:
        answer["response"] = digest(f"{secret}:{nonce}:{request}")
    if "opaque" in given:
        answer["opaque"] = given["opaque"]
    quoted = ", ".join(f'{key}="{_escape(value)}"' for key, value in answer.items())
    return f"Digest {quoted}, {bare}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
