"""What a launcher determines: standard streams, early signals, folders and their permissions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command
from helpers import fill_pipe, wait_until

RUN = ("run", "--source", "demo", "--display", "none", "--max-frames", "3")
ENDLESS = (*RUN[:-2], "--set", "source.loop=true")


def shell(
    pose_edge: Command, arguments: str, redirection: str, *, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell, with redirections and with a prefix to the command line."""
    line = f'{before}"$PYTHON" -m pose_edge {arguments} {redirection}'
    return subprocess.run(
        ["sh", "-c", line],
        cwd=pose_edge.folder,
        env={**os.environ, "PYTHON": sys.executable, "XDG_CONFIG_HOME": str(pose_edge.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "redirection"),
    [("models list", ">&-"), ("--version", ">&-"), ("config show", ">/dev/full")],
)
def test_an_output_that_cannot_be_written(
    pose_edge: Command, arguments: str, redirection: str
) -> None:
    done = shell(pose_edge, arguments, redirection)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("pose-edge: the standard output: ")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (" ".join(RUN), 0),
        ("run --source nothing.mp4", 3),
        ("config check --set nonsense", 2),
        ("frobnicate", 2),
    ],
)
@pytest.mark.parametrize("redirection", [">&- 2>&- <&-", "2>/dev/full"])
def test_the_exit_status_does_not_depend_on_the_streams(
    pose_edge: Command, arguments: str, status: int, redirection: str
) -> None:
    done = shell(pose_edge, arguments, redirection)
    assert done.returncode == status
    assert done.stdout == "", "errors stand in no output"


def test_a_reader_that_has_gone_is_no_error(pose_edge: Command) -> None:
    near, far = os.pipe()
    os.close(near)
    done = subprocess.run(
        [sys.executable, "-m", "pose_edge", "models", "list", "--json"],
        stdout=far,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    os.close(far)
    assert (done.returncode, done.stderr) == (0, b"")


def test_characters_that_the_locale_does_not_have(pose_edge: Command) -> None:
    done = pose_edge("models", "list", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.status == 0
    assert "movenet-lightning-int8" in done.stdout


@pytest.mark.parametrize("arguments", [ENDLESS, (*ENDLESS, "--log-level", "debug")])
def test_a_stop_is_heeded_though_nobody_reads_the_log(
    pose_edge: Command, arguments: tuple[str, ...]
) -> None:
    near, far = os.pipe()
    fill_pipe(far)
    poses = pose_edge.folder / "poses.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "pose_edge", *arguments, "--poses", str(poses)],
        cwd=pose_edge.folder,
        env={**os.environ, "XDG_CONFIG_HOME": str(pose_edge.folder)},
        stdout=subprocess.DEVNULL,
        stderr=far,
    )
    try:
        wait_until(lambda: poses.exists() and poses.stat().st_size > 10_000, "poses")
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(near)
        os.close(far)


def test_control_characters_do_not_reach_the_terminal(pose_edge: Command) -> None:
    for arguments in (
        ("run", "--source", "a\x1b[2Jb\x9b1m.mp4"),
        ("run", "--set", "source.\x1b[31m=1"),
        ("run", "--config", "\x1b]0;x\x07.yaml"),
        ("run", "--\x1b[31m"),
    ):
        done = pose_edge(*arguments)
        assert done.status in (2, 3)
        assert not {"\x1b", "\x9b", "\x07"} & set(done.stderr)


# --- early signals --------------------------------------------------------------------------------


def signal_early(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal as soon as the program blocks it, long before it installs its handlers."""
    status = Path(f"/proc/{process.pid}/status")

    def held() -> bool:
        blocked = next(x for x in status.read_text().splitlines() if x.startswith("SigBlk"))
        return bool(int(blocked.split()[1], 16) >> (number - 1) & 1)

    wait_until(held, "the signal is held")
    process.send_signal(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_early_stop_is_in_order(pose_edge: Command, number: signal.Signals) -> None:
    process = pose_edge.start(*ENDLESS, "--poses", "poses.jsonl")
    signal_early(process, number)
    done = pose_edge.finish(process)
    assert done.status == 0
    assert "0 frames in " in done.stderr


def test_an_early_reload_is_a_reload(pose_edge: Command) -> None:
    process = pose_edge.start(*RUN[:-1], "20")
    signal_early(process, signal.SIGHUP)
    done = pose_edge.finish(process)
    assert done.status == 0
    assert "20 frames in " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ("doctor", signal.SIGTERM),
        ("models verify", signal.SIGINT),
        ("models verify", signal.SIGHUP),
        ("annotate demo --poses p.jsonl", signal.SIGTERM),
        ("annotate demo --poses p.jsonl", signal.SIGHUP),
    ],
)
def test_other_commands_are_interrupted(
    pose_edge: Command, arguments: str, number: signal.Signals
) -> None:
    process = pose_edge.start(*arguments.split())
    signal_early(process, number)
    done = pose_edge.finish(process)
    assert done.status == 1
    assert "interrupted" in done.stderr or "stopped before the end" in done.stderr
    assert "Traceback" not in done.stderr


# --- folders and environment ----------------------------------------------------------------------

COMMANDS = (
    "config check",
    "models list",
    "doctor --no-camera --no-inference",
    "service install --dry-run",
    "models verify movenet-lightning-int8",
    " ".join(RUN),
)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_folders_that_may_not_be_searched(pose_edge: Command, arguments: str) -> None:
    closed = [pose_edge.folder / name for name in (".config", ".local")]
    prefix: list[str] = []
    for folder in closed:
        folder.mkdir()
        if os.geteuid() == 0:  # root is denied access only without these capabilities
            os.chown(folder, 65534, 65534)
            prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        folder.chmod(0)
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv")
    try:
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "pose_edge", *arguments.split()],
            cwd=pose_edge.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(pose_edge.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        for folder in closed:
            folder.chmod(0o700)
    assert "internal error" not in done.stderr
    assert done.returncode in (0, 1 if arguments.startswith("doctor") else 0), done.stderr


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_current_folder_that_was_removed(pose_edge: Command, arguments: str) -> None:
    done = shell(pose_edge, arguments, "", before="mkdir gone && cd gone && rmdir ../gone && ")
    assert "internal error" not in done.stderr
    assert "please report" not in done.stdout
    assert done.returncode in (0, 1 if arguments.startswith("doctor") else 0), done.stderr


def test_a_read_only_place_for_temporary_files(pose_edge: Command) -> None:
    done = pose_edge(*RUN, TMPDIR="/nowhere")
    assert done.status == 0


def test_without_a_home_no_folder_of_that_name_is_made(pose_edge: Command) -> None:
    done = pose_edge("models", "fetch", "posenet-mobilenet-257", XDG_DATA_HOME="here")
    assert done.status == 2
    assert "there is no home folder" in done.stderr
    assert list(pose_edge.folder.iterdir()) == []


def test_secrets_are_not_shown(pose_edge: Command) -> None:
    address = "rtsp://me:s3cret@127.0.0.1:9/live/s3cret0123456789?token=s3cret"
    for arguments in (
        ("run", "--source", address),
        ("config", "show", "--set", f"source.name={address}"),
    ):
        done = pose_edge(*arguments, "--log-level", "debug")
        assert "s3cret" not in done.stdout + done.stderr
    assert "secrets" in done.stderr
    shown = pose_edge("doctor", "--no-camera", "--no-inference", "--json", "--source", address)
    assert "s3cret" not in shown.stdout + shown.stderr
    assert json.loads(shown.stdout)
