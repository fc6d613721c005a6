"""Transfers the package index settings of the host's pip to the pip of another root."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import Final

from aarch64.root import CERTIFICATES

ADDRESSES: Final = ("index-url", "extra-index-url", "find-links")
OTHERS: Final = ("proxy", "trusted-host", "timeout")
PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy")


def pip_settings() -> dict[str, str]:
    """Return environment variables that make pip use the same indexes and proxies as here.

    Local folders are left out, as they do not exist in the other root.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    found = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CERT": f"/{CERTIFICATES}"}
    for line in done.stdout.splitlines():
        key, _, quoted = line.partition("=")
        name, value = key.rpartition(".")[2], str(ast.literal_eval(quoted))
        if name in ADDRESSES:
            value = " ".join(one for one in value.split() if one.startswith("http"))
        if value and name in (*ADDRESSES, *OTHERS):
            found[f"PIP_{name.upper().replace('-', '_')}"] = value
    proxies = (name for name in os.environ if name.lower() in PROXIES)
    return found | {name: os.environ[name] for name in proxies}
