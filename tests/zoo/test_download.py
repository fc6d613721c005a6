from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import wait_until

from pose_edge.zoo import download as download_module
from pose_edge.zoo.catalogue import Download, git_blob_id
from pose_edge.zoo.download import DownloadError, download

CONTENT = b"\0\0\0\0TFL3" + bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def listed(
    url: str,
    size: int | str | None = len(CONTENT),
    sha256: int | str | None = SHA256,
    git_blob: int | str | None = None,
) -> Download:
    """Return an entry of the list; by default its size and SHA-256 are published."""
    about = {"name": "a-model", "file": "model.tflite", "summary": "a test", "licence": "MIT"}
    return Download.model_validate(
        {**about, "url": url, "size": size, "sha256": sha256, "git_blob": git_blob}
    )


@dataclass
class Server:
    """The answers of an HTTP server, and the number of its requests."""

    url: str = ""
    body: bytes = CONTENT
    status: int = 200
    declared: bool = True
    cut_after: list[int] = field(default_factory=list)
    requests: int = 0
    reason: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    trickle_s: float = 0.0
    """Pause in seconds after each byte; 0 means that the normal answer is sent at once."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            if server.trickle_s:
                self.trickle()
                return
            self.send_response(server.status, server.reason)
            for name, value in server.headers.items():
                self.send_header(name, value)
            if server.declared:
                self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            end = server.cut_after.pop(0) if server.cut_after else None
            self.wfile.write(server.body[:end])

        def trickle(self) -> None:
            with contextlib.suppress(OSError):
                for byte in b"HTTP/1.0 200 OK\r\nX-Long: " + bytes(1000):
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    if stopped.wait(server.trickle_s):
                        return

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Do not log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/model.tflite"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            stopped.set()
            http.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def get(server: Server, target: Path, *published: int | str | None) -> list[tuple[int, int | None]]:
    steps: list[tuple[int, int | None]] = []
    with serving(server):
        download(
            listed(server.url, *published),
            target,
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


def test_a_lost_connection_is_tried_again_from_the_start(tmp_path: Path) -> None:
    server = Server(cut_after=[100_000, 50_000])
    steps = get(server, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT
    assert server.requests == 3
    assert steps[-1] == (len(CONTENT), len(CONTENT))


def test_a_server_that_declares_no_length(tmp_path: Path) -> None:
    server = Server(declared=False, cut_after=[100_000])
    get(server, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT
    assert server.requests == 2


def test_the_waits_between_attempts_grow(tmp_path: Path) -> None:
    waits: list[float] = []
    with serving(Server(status=503)) as server, pytest.raises(DownloadError):
        download(
            listed(server.url),
            tmp_path / "model.tflite",
            progress=lambda done, total: None,
            wait=waits.append,
        )
    assert waits == [1.0, 2.0, 4.0]
    assert server.requests == 4


def test_a_file_of_unknown_size_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "MAX_BYTES", 100_000)
    with pytest.raises(DownloadError, match="more than 100000 bytes"):
        get(Server(), tmp_path / "model.tflite", None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (Server(body=b""), ": 0 bytes"),
        (Server(body=CONTENT[:-1]), f"{len(CONTENT) - 1} bytes"),
        (Server(body=CONTENT + b"more"), f"more than {len(CONTENT)} bytes"),
        (Server(body=CONTENT[:-1] + b"X"), "SHA-256"),
        (Server(body=b"<html>" + CONTENT[6:]), "no TFL3 mark"),
        (Server(status=404), "404"),
        (Server(status=503), "503"),
        (Server(cut_after=[0, 0, 0, 0]), "cannot be downloaded"),
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


def test_nobody_answers(tmp_path: Path) -> None:
    server = Server()
    with serving(server):
        gone = server.url
    with pytest.raises(DownloadError, match="is the network up"):
        download(
            listed(gone),
            tmp_path / "x",
            progress=lambda done, total: None,
            wait=lambda seconds: None,
        )


def test_a_git_blob_id_is_checked(tmp_path: Path) -> None:
    # the output of `printf 'hello\n' | git hash-object --stdin`
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    published = None, None, git_blob_id(CONTENT)
    get(Server(), tmp_path / "a", *published)
    with pytest.raises(DownloadError, match="Git blob id"):
        get(Server(body=CONTENT + b"x"), tmp_path / "b", *published)
    assert not (tmp_path / "b").exists()


def test_a_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Server()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        download(
            listed("http://models.invalid/model.tflite"),
            tmp_path / "model.tflite",
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
    assert server.requests == 0
    target.write_bytes(CONTENT[:-1])
    get(server, target)
    assert target.read_bytes() == CONTENT


def test_without_a_checksum_nobody_knows_whether_it_is_the_same(tmp_path: Path) -> None:
    target = tmp_path / "model.tflite"
    target.write_bytes(CONTENT[:-1])
    server = Server()
    get(server, target, None, None)
    assert server.requests == 1
    assert target.read_bytes() == CONTENT


def test_a_server_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "TOTAL_S", 1.0)
    server = Server(trickle_s=0.02)
    with pytest.raises(DownloadError, match="longer than 1 s"):
        get(server, tmp_path / "model.tflite")
    wait_until(lambda: server.requests > 0, "the request, which a busy server reads late")
    assert server.requests == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_server_says_reaches_nobody_raw(tmp_path: Path) -> None:
    server = Server(status=404, reason="\x1b[2J\x1b]0;gone\x07" + "long " * 1000)
    with pytest.raises(DownloadError) as error:
        get(server, tmp_path / "model.tflite")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1", "1e3", " "])
def test_a_length_that_is_none(tmp_path: Path, length: str) -> None:
    server = Server(declared=False, headers={"Content-Length": length})
    get(server, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("asked", "target", "allowed"),
    [
        ("https", "http", False),
        ("https", "ftp", False),
        ("https", "https", True),
        ("http", "http", True),
        ("http", "https", True),
        ("http", "ftp", False),
    ],
)
def test_no_redirection_to_where_anybody_can_change_it(
    asked: str, target: str, allowed: bool
) -> None:
    request = urllib.request.Request(f"{asked}://a.invalid/x")
    given = (request, io.BytesIO(), 302, "Found", HTTPMessage(), f"{target}://b.invalid/x")
    if allowed:
        assert download_module.SafeRedirects().redirect_request(*given) is not None
    else:
        with pytest.raises(DownloadError, match=f"redirects to {target}://b.invalid"):
            download_module.SafeRedirects().redirect_request(*given)


def test_redirections_are_followed(tmp_path: Path) -> None:
    with serving(Server()) as final:
        server = Server(status=302, headers={"Location": final.url}, declared=False, body=b"")
        get(server, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT
