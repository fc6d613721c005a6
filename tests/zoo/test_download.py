from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pose_edge.zoo.download import DownloadError, Expected, download, git_blob_id

CONTENT = b"\0\0\0\0TFL3" + bytes(range(256)) * 2000
WHOLE = Expected(
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    mark=b"TFL3",
    mark_offset=4,
)


@dataclass
class Server:
    """Answers with what the test wants, and remembers what it was asked for."""

    url: str = ""
    body: bytes = CONTENT
    status: int = 200
    declared: int | None = None
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.asked.append(wanted)
            start, status = 0, server.status
            if wanted and server.ranges and status == 200:
                start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
                if start >= len(server.body):
                    start, status = len(server.body), 416
            body = server.body[start:]
            self.send_response(status)
            length = server.declared if server.declared is not None else len(body)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body[: server.cut_after.pop(0)] if server.cut_after else body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/model.tflite"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def get(server: Server, target: Path, expected: Expected = WHOLE) -> list[tuple[int, int | None]]:
    steps: list[tuple[int, int | None]] = []
    with serving(server):
        download(
            server.url,
            target,
            expected,
            progress=lambda done, total: steps.append((done, total)),
            wait=lambda seconds: None,
        )
    return steps


def test_a_whole_file_arrives_with_progress(tmp_path: Path) -> None:
    target = tmp_path / "new" / "model.tflite"
    steps = get(Server(), target)
    assert target.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert list(target.parent.iterdir()) == [target]


def test_it_goes_on_where_the_connection_ended(tmp_path: Path) -> None:
    server = Server(cut_after=[100_000, 50_000])
    get(server, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_it_goes_on_in_another_session(tmp_path: Path) -> None:
    (tmp_path / "model.tflite.part").write_bytes(CONTENT[:1234])
    server = Server()
    get(server, tmp_path / "model.tflite")
    assert server.asked == ["bytes=1234-"]
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"too long"])
def test_what_lies_there_may_be_whole_or_too_long(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "model.tflite.part").write_bytes(left)
    get(Server(), tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT


def test_a_server_without_ranges_begins_again(tmp_path: Path) -> None:
    server = Server(ranges=False, cut_after=[100_000])
    get(server, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (Server(body=b""), ": 0 bytes"),
        (Server(body=CONTENT[:-1]), f"{len(CONTENT) - 1} bytes"),
        (Server(body=CONTENT + b"more"), "bytes instead of"),
        (Server(body=CONTENT[:-1] + b"X"), "SHA-256"),
        (Server(body=b"<html>" + CONTENT[6:]), "no TFL3 mark"),
        (Server(status=404), "404"),
        (Server(status=503), "503"),
        (Server(cut_after=[0, 0, 0, 0]), "cannot be had"),
    ],
)
def test_anything_else_is_refused_and_the_old_file_stays(
    tmp_path: Path, server: Server, says: str
) -> None:
    target = tmp_path / "model.tflite"
    target.write_bytes(b"old")
    with pytest.raises(DownloadError, match=says):
        get(server, target)
    assert target.read_bytes() == b"old"


def test_wrong_bytes_are_not_gone_on_from(tmp_path: Path) -> None:
    target = tmp_path / "model.tflite"
    with pytest.raises(DownloadError):
        get(Server(body=bytes(len(CONTENT))), target)
    get(Server(), target)
    assert target.read_bytes() == CONTENT


def test_nobody_answers(tmp_path: Path) -> None:
    server = Server()
    with serving(server):
        gone = server.url
    with pytest.raises(DownloadError, match="is the network there"):
        download(
            gone,
            tmp_path / "x",
            WHOLE,
            progress=lambda done, total: None,
            wait=lambda seconds: None,
        )


def test_a_git_blob_id_is_checked(tmp_path: Path) -> None:
    # `printf 'hello\n' | git hash-object --stdin`
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    get(Server(), tmp_path / "a", Expected(git_blob=git_blob_id(CONTENT)))
    with pytest.raises(DownloadError, match="Git blob id"):
        get(Server(body=b"x" + CONTENT), tmp_path / "b", Expected(git_blob=git_blob_id(CONTENT)))
    assert not (tmp_path / "b").exists()


def test_a_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Server()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        download(
            "http://models.invalid/model.tflite",
            tmp_path / "model.tflite",
            WHOLE,
            progress=lambda done, total: None,
        )
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="cannot be written"):
        get(Server(), tmp_path / "file" / "model.tflite")


def test_what_is_there_and_whole_is_not_asked_for_again(tmp_path: Path) -> None:
    target = tmp_path / "model.tflite"
    target.write_bytes(CONTENT)
    server = Server()
    assert get(server, target) == []
    assert server.asked == []
    target.write_bytes(CONTENT[:-1])
    get(server, target)
    assert target.read_bytes() == CONTENT


def test_without_a_checksum_nobody_knows_whether_it_is_the_same(tmp_path: Path) -> None:
    target = tmp_path / "model.tflite"
    target.write_bytes(CONTENT[:-1])
    server = Server()
    get(server, target, Expected(mark=b"TFL3", mark_offset=4))
    assert server.asked == [None]
    assert target.read_bytes() == CONTENT
