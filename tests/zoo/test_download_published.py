"""The Edge TPU models at their real addresses, from a publisher in the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from publisher import HOST, Offer, Publisher, free_port, make_certificate, publishing
from shared import shared_dir

from pose_edge.zoo import download as download_module
from pose_edge.zoo.catalogue import Download, load_downloads
from pose_edge.zoo.download import DownloadError, download

LIGHTNING, THUNDER = "movenet-lightning-edgetpu", "movenet-thunder-edgetpu"
LISTED = load_downloads()
MARKED = b"\x1c\0\0\0TFL3"
FAKE = MARKED + bytes(3_087_168 - len(MARKED))
"""A fake with Lightning's size and a model's file identifier; Thunder's size is unpublished."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def publisher(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with publishing(certificate) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def path_of(listed: Download) -> str:
    return urlsplit(listed.url).path


def fetch(name: str, folder: Path) -> tuple[Path, list[tuple[int, int | None]]]:
    """Fetch a model without pauses between attempts; return its path and the progress steps."""
    target = folder / LISTED[name].file
    steps: list[tuple[int, int | None]] = []
    download(
        LISTED[name],
        target,
        progress=lambda done, total: steps.append((done, total)),
        wait=lambda seconds: None,
    )
    return target, steps


def refused(name: str, folder: Path) -> str:
    """Check that fetching fails and keeps the existing file; return the message."""
    target = folder / LISTED[name].file
    target.write_bytes(b"old")
    with pytest.raises(DownloadError) as error:
        fetch(name, folder)
    assert target.read_bytes() == b"old"
    message = str(error.value)
    assert message.startswith(LISTED[name].url)
    assert "\n" not in message
    return message


def test_the_published_file_arrives_after_some_attempts(
    publisher: Publisher, tmp_path: Path
) -> None:
    path = shared_dir("models", "movenet_single_pose_lightning_ptq_edgetpu.tflite")
    content = path.read_bytes()
    offer = Offer(content, cut_after=(1_000_000, 0, 65_536))
    publisher.offers[path_of(LISTED[LIGHTNING])] = offer
    target, steps = fetch(LIGHTNING, tmp_path)
    assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]
    assert publisher.tunnels == [f"{HOST}:443"] * 4
    assert len(publisher.asked) == 4, "each attempt asks for the whole file"
    assert {total for _, total in steps} == {len(content)}
    assert steps[-1][0] == len(content)
    fetch(LIGHTNING, tmp_path)
    assert len(publisher.asked) == 4, "it is here and intact: nothing is asked for again"


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        (LIGHTNING, b"", ": 0 bytes; nothing was kept"),
        (LIGHTNING, FAKE[:-1], "3087167 bytes instead of 3087168"),
        (LIGHTNING, FAKE + b"x", "more than 3087168 bytes"),
        (LIGHTNING, FAKE, "its SHA-256 is not the published one"),
        (LIGHTNING, bytes(len(FAKE)), "no TFL3 mark"),
        (LIGHTNING, b"<html>log in to this network</html>", "35 bytes instead of 3087168"),
        (THUNDER, b"", ": 0 bytes; nothing was kept"),
        (THUNDER, FAKE, "its Git blob id is not the published one"),
        (THUNDER, FAKE[:-1], "its Git blob id is not the published one"),
        (THUNDER, MARKED, "its Git blob id is not the published one"),
        (THUNDER, b"<html>log in to this network</html>", "no TFL3 mark"),
    ],
)
def test_what_is_not_the_published_file_is_not_kept(
    publisher: Publisher, tmp_path: Path, name: str, body: bytes, says: str
) -> None:
    publisher.offers[path_of(LISTED[name])] = Offer(body)
    assert says in refused(name, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [LISTED[name].file]
    assert len(publisher.asked) == 1, "asking again would not help"


@pytest.mark.parametrize("name", [LIGHTNING, THUNDER])
@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (Offer(status=404), "the server says 404"),
        (Offer(status=503), "the server says 503"),
        (Offer(silent=True), "without response"),
        (Offer(FAKE, cut_after=(0, 0, 0, 0)), "is the network up?"),
    ],
)
def test_a_server_that_does_not_send_it(
    publisher: Publisher, tmp_path: Path, name: str, offer: Offer, says: str
) -> None:
    publisher.offers[path_of(LISTED[name])] = offer
    assert says in refused(name, tmp_path)
    attempts = len(publisher.asked)
    assert attempts == 1 if offer.status == 404 else attempts > 1


def test_broken_tls_is_the_networks_fault(publisher: Publisher, tmp_path: Path) -> None:
    offer = Offer(FAKE, cut_after=(100_000,) * 4, garbled=True)
    publisher.offers[path_of(LISTED[LIGHTNING])] = offer
    message = refused(LIGHTNING, tmp_path)
    assert "cannot be downloaded" in message
    assert "SSL" in message
    assert len(publisher.asked) == 4


def test_a_server_that_stops_in_the_middle(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "TIMEOUT_S", 0.3)
    offer = Offer(FAKE, cut_after=(100_000,) * 4, hold=True)
    publisher.offers[path_of(LISTED[THUNDER])] = offer
    assert "timed out" in refused(THUNDER, tmp_path)
    assert len(publisher.asked) == 4


def test_nothing_is_kept_of_attempts_that_fail(publisher: Publisher, tmp_path: Path) -> None:
    offer = Offer(FAKE, cut_after=(70_000,) * 4)
    publisher.offers[path_of(LISTED[LIGHTNING])] = offer
    assert "cannot be downloaded" in refused(LIGHTNING, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [LISTED[LIGHTNING].file]


def test_a_proxy_that_refuses(publisher: Publisher, tmp_path: Path) -> None:
    publisher.proxy_status = 407
    message = refused(THUNDER, tmp_path)
    assert "Tunnel connection failed: 407" in message
    assert "https_proxy" in message
    assert publisher.asked == []


def test_a_proxy_that_is_not_there(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    message = refused(LIGHTNING, tmp_path)
    assert "Connection refused" in message
    assert "is the network up?" in message


def test_somebody_else_in_the_publishers_name(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate verify failed" in refused(LIGHTNING, tmp_path)
    assert publisher.asked == []
