"""The first moments of the program, before any command is chosen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pose_edge

ROOT = Path(pose_edge.__file__).parents[1]

FIRST_IMPORTS = f"""
import sys
before = set(sys.modules)
sys.path.insert(0, {str(ROOT)!r})
import pose_edge.cli.main
print(*sorted(set(sys.modules) - before))
"""

MASK = """
import json, signal, sys
from pose_edge.cli import dispatch
dispatch.dispatch = lambda _words: print(
    json.dumps([*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))])
)
from pose_edge.cli.main import main
main()
"""

KEPT_LOCK = """
import _imp, sys
_imp.acquire_lock()  # as an interrupted callback of importlib leaves it
from pose_edge.cli.main import main
sys.argv = ["pose-edge", "--version"]
sys.exit(main({arguments}))
"""


def python(text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", text],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_nothing_is_imported_before_the_signals_are_blocked() -> None:
    done = python(FIRST_IMPORTS, "-S")
    assert done.stdout.split() == ["pose_edge", "pose_edge.cli", "pose_edge.cli.main"], done.stderr


def test_the_signals_that_live_unblocks_are_blocked() -> None:
    from pose_edge.live.signals import BLOCKED_SIGNALS

    assert sorted(json.loads(python(MASK).stdout)) == sorted(BLOCKED_SIGNALS)


def test_a_ctrl_c_that_importlib_swallowed_ends_the_program() -> None:
    assert python(KEPT_LOCK.format(arguments="")).returncode == 130
    called = python(KEPT_LOCK.format(arguments="['--version']"))
    assert called.returncode == 0, "a program that calls main() is not ended"
