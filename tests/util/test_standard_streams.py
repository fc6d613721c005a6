from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import fill_pipe

from pose_edge.util import standard_streams
from pose_edge.util.standard_streams import StandardError


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Yield the reading and the writing end of a pipe."""
    near, far = os.pipe()
    yield near, far
    for end in (near, far):
        with suppress(OSError):
            os.close(end)


def drain(descriptor: int) -> bytes:
    """Return what a pipe contains."""
    os.set_blocking(descriptor, False)
    found = b""
    try:
        while True:
            found += os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return found


def test_what_nobody_reads_is_dropped_and_the_rest_is_whole(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_streams, "PATIENCE_S", 0.05)
    near, far = pipe
    stream = StandardError(far)
    fill_pipe(far)
    for _ in range(100):  # only the first write waits
        stream.write("lost\n")
    with pytest.raises(OSError, match="nobody reads it"):
        stream.deliver("lost\n")
    assert set(drain(near)) == {ord("x")}
    stream.write("\u00e9 read\n")
    assert drain(near) == "\u00e9 read\n".encode()


def test_a_line_that_was_cut_off_is_ended(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_streams, "PATIENCE_S", 0.05)
    near, far = pipe
    stream = StandardError(far)
    stream.write("y" * 1_000_000 + "\n")
    assert set(drain(near)) == {ord("y")}
    stream.write("next\n")
    assert drain(near) == b"\nnext\n"


def test_a_slow_reader_gets_everything(pipe: tuple[int, int]) -> None:
    near, far = pipe
    stream = StandardError(far)
    found: list[bytes] = []

    def read() -> None:
        while block := os.read(near, 1000):
            found.append(block)

    thread = threading.Thread(target=read)
    thread.start()
    lines = [f"{number} {'z' * 5000}\n" for number in range(100)]
    for line in lines:
        stream.write(line)
    os.close(far)
    thread.join()
    assert b"".join(found).decode() == "".join(lines)


def test_a_reader_that_has_gone_is_no_error(pipe: tuple[int, int]) -> None:
    near, far = pipe
    os.close(near)
    StandardError(far).write("nobody\n")
    with pytest.raises(BrokenPipeError):
        StandardError(far).deliver("nobody\n")


def test_what_the_encoding_does_not_have_is_escaped(pipe: tuple[int, int]) -> None:
    near, far = pipe
    StandardError(far, encoding="ascii").write("caf\u00e9 \ud800\n")
    assert drain(near) == b"caf\\xe9 \\ud800\n"


PROGRAM = """
import os, sys
from pose_edge.util.standard_streams import prepare_standard_streams
prepare_standard_streams()
opened = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
assert opened > 2, opened
print("caf\\u00e9 \\ud800")
print("error", file=sys.stderr)
assert sys.stdin is None or sys.stdin.read() == ""
sys.stdout.flush()
"""


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "2>&- <&-"])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", PROGRAM, tmp_path / "file"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    assert done.stdout == b"caf\xe9 \\ud800\n"
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize(
    ("to", "why"), [("&-", b"Bad file descriptor"), ("/dev/full", b"No space")]
)
def test_an_output_that_cannot_be_written_is_one_error(tmp_path: Path, to: str, why: bytes) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" >{to}', "sh", sys.executable, "-c", PROGRAM, tmp_path / "file"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count(b"OutputError: the standard output: " + why) == 1
    assert b"Exception ignored" not in done.stderr
