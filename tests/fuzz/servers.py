"""Fuzz cases with misbehaving servers: MJPEG and transport streams, RTSP, downloads."""

from __future__ import annotations

import contextlib
import io
import re
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import av
import yaml
from fuzz.case import Case
from fuzz.inputs import damaged, picture, video
from fuzz.trial import Trial
from publisher import HOST, Offer, make_certificate, publishing

from pose_edge.zoo.catalogue import load_downloads

SECONDS = (4.0, 4.0, 4.0, 15.0)
"""Durations of runs to choose from; the last exceeds the time after which a hanging source is given
up."""
FRAME_S = 0.05

Serve = Callable[[Random, socket.socket, threading.Event], None]
"""Serves one client until its data ends or the event is set."""


@contextlib.contextmanager
def serving(serve: Serve, seed: int) -> Iterator[int]:
    """Serve clients on a free port until the block ends; the nth client always gets the same data.

    Yields:
        The port.
    """
    end = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        threads: list[threading.Thread] = []

        def answer(client: socket.socket, number: int) -> None:
            with client, contextlib.suppress(OSError):
                client.settimeout(1.0)
                serve(Random(f"{seed} {number}"), client, end)

        def accept() -> None:
            with contextlib.suppress(OSError):  # the listener was closed
                while True:
                    client, _address = listener.accept()
                    thread = threading.Thread(target=answer, args=(client, len(threads)))
                    threads.append(thread)
                    thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield port
        finally:
            end.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def camera(random: Random, folder: Path, closing: ExitStack, serve: Serve, address: str) -> Case:
    """Return a case that runs on a server and may reload changed camera settings.

    Args:
        random: Source of all random choices.
        folder: The case's folder.
        closing: Stops the server.
        serve: Serves one client.
        address: The source, with "{port}" for the server's port.
    """
    port = closing.enter_context(serving(serve, random.getrandbits(32)))
    seconds = random.choice(SECONDS)
    settings = {
        "timeout": random.choice((0.5, 0.5, 5.0, 10.0)),
        "wait": random.random() < 0.5,
        "width": 640,
    }
    config = folder / "my.yaml"
    config.write_text(yaml.safe_dump({"camera": settings}))
    reload_after = random.uniform(1, 5) if random.random() < 0.3 else None

    def meanwhile(trial: Trial) -> None:
        if reload_after is not None and trial.wait_for_log("display: "):
            trial.sleep(reload_after)
            config.write_text(yaml.safe_dump({"camera": {**settings, "width": 320}}))
            trial.signal(signal.SIGHUP)

    return Case(
        [
            *("run", "--config", "my.yaml", "--source", address.format(port=port)),
            *("--display", "none", "--duration", f"{seconds:g}"),
            *("--poses", "p.jsonl", "--record", "r.mp4"),
        ],
        poses="p*.jsonl",
        # Opening is tried for camera.timeout; the first attempt may take longer.
        seconds=seconds + 15,
        meanwhile=meanwhile,
    )


# --- over HTTP ------------------------------------------------------------------------------------

STATUS_LINES = (
    *("HTTP/1.0 401 \x1b[31mNo", "HTTP/1.1 404 Not Found", "HTTP/1.1 503 Busy", "ICY 200 OK"),
    *("HTTP/1.1 302 Found\r\nLocation: /", "HTTP/9.9 999", "200", "SSH-2.0-x", "\0\0\0"),
)
TYPES = (
    *("multipart/x-mixed-replace; boundary=b", "multipart/x-mixed-replace;boundary=--b"),
    *("multipart/x-mixed-replace", "image/jpeg", "text/html", "video/mp2t", "\x1b[2J"),
)


def head(random: Random, usual: str) -> bytes:
    """Return the head of an HTTP response, usually a valid one for a stream."""
    status = "HTTP/1.0 200 OK" if random.random() < 0.8 else random.choice(STATUS_LINES)
    kind = usual if random.random() < 0.85 else random.choice(TYPES)
    more = "" if random.random() < 0.9 else "X: " + "x" * 100_000 + "\r\n"
    return f"{status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode("latin-1")


def part(random: Random, faults: float) -> bytes:
    """Return a part of an MJPEG stream; `faults` is the probability that it is faulty, 0...1."""
    jpeg = picture("JPEG")
    if random.random() >= faults:
        return wrapped(jpeg)
    return random.choice(
        (
            lambda: wrapped(damaged(random, jpeg)),
            lambda: wrapped(b""),
            lambda: wrapped(jpeg, length=random.choice(("-5", "²", "2147483600", "0", "x", "10"))),
            lambda: b"\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg,
            lambda: jpeg,
            lambda: damaged(random, wrapped(jpeg)),
            lambda: b"\r\n--b\r\nX: " + b"x" * 200_000,
            lambda: wrapped(oversized(jpeg)),
            lambda: random.randbytes(5000),
        )
    )()


def wrapped(jpeg: bytes, length: str = "") -> bytes:
    """Return a multipart part with a JPEG, optionally with a false Content-Length."""
    head = f"\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Length: {length or len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg


def oversized(jpeg: bytes) -> bytes:
    """Return a JPEG whose header claims 65500 pixels of width and height."""
    start = jpeg.find(b"\xff\xc0") + 5
    return jpeg[:start] + b"\xff\xdc\xff\xdc" + jpeg[start + 4 :]


def send_slowly(client: socket.socket, data: bytes, end: threading.Event) -> None:
    """Send one byte every 0.1 s."""
    for byte in data:
        if end.wait(0.1):
            return
        client.sendall(bytes([byte]))


def mjpeg(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a run on an MJPEG camera that sends faulty parts, stalls and disconnects."""

    def serve(random: Random, client: socket.socket, end: threading.Event) -> None:
        client.recv(65536)
        client.sendall(head(random, TYPES[0]))
        faults = random.choice((0.0, 0.03, 0.3))
        while not end.wait(FRAME_S):
            chance = random.random()
            if chance < 0.01:
                end.wait(random.choice((2.0, 60.0)))
            elif chance < 0.02:
                return
            elif chance < 0.025:
                send_slowly(client, part(random, faults), end)
            elif chance < 0.03:
                flood(client, end)
            client.sendall(part(random, faults))

    return camera(random, folder, closing, serve, "http://127.0.0.1:{port}/stream.mjpg")


def flood(client: socket.socket, end: threading.Event) -> None:
    """Send an endless part for as long as the client reads it, up to 300 MB."""
    client.sendall(b"\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0")
    for _ in range(300):
        if end.is_set():
            return
        client.sendall(bytes(1 << 20))


def transport_streams(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a run on a transport stream that stalls and may be damaged."""
    data = video("mpegts", interval=random.choice((6, 250)))

    def serve(random: Random, client: socket.socket, end: threading.Event) -> None:
        client.recv(65536)
        client.sendall(head(random, "video/mp2t"))
        sent = damaged(random, data) if random.random() < 0.5 else data
        step = max(1, len(sent) // 24) // 188 * 188 or 188
        begin = random.choice((0, 0, 5 * step))
        for _round in range(20):
            for start in range(begin, len(sent), step):
                if end.wait(FRAME_S if random.random() < 0.98 else random.choice((1.5, 20.0))):
                    return
                client.sendall(sent[start : start + step])

    return camera(random, folder, closing, serve, "http://127.0.0.1:{port}/live.ts")


# --- RTSP -----------------------------------------------------------------------------------------

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=control:track0\r\n"
)


def nal_units() -> list[list[bytes]]:
    """Return a small H.264 video: for each frame, its NAL units without start codes."""
    units = []
    with av.open(io.BytesIO(video("h264")), "r", format="h264") as container:
        for packet in container.demux(video=0):
            found = [unit for unit in re.split(rb"\x00\x00\x00?\x01", bytes(packet)) if unit]
            if found:
                units.append(found)
    return units


def rtp_packets(unit: bytes, sequence: int, clock: int) -> list[bytes]:
    """Return a NAL unit as RTP packets (RFC 6184), framed for interleaving with RTSP answers."""
    if len(unit) <= 1400:
        payloads = [unit]
    else:
        kind, rest = unit[0], unit[1:]
        pieces = [rest[start : start + 1400] for start in range(0, len(rest), 1400)]
        payloads = [
            bytes(
                [
                    kind & 0xE0 | 28,
                    (number == 0) << 7 | (number == len(pieces) - 1) << 6 | kind & 0x1F,
                ]
            )
            + piece
            for number, piece in enumerate(pieces)
        ]
    packets = []
    for number, payload in enumerate(payloads):
        last = number == len(payloads) - 1
        header = struct.pack(
            ">BBHII", 0x80, last << 7 | 96, (sequence + number) & 0xFFFF, clock & 0xFFFFFFFF, 7
        )
        packets.append(struct.pack(">cBH", b"$", 0, len(header + payload)) + header + payload)
    return packets


def answer_to(random: Random, request: bytes, port: int) -> bytes:
    """Return the answer to an RTSP request, usually a correct one."""
    method = request.split(b" ", 1)[0].decode("latin-1")
    number = re.search(rb"CSeq: *(\d+)", request)
    lines = ["RTSP/1.0 200 OK", f"CSeq: {number[1].decode() if number else 0}"]
    body = ""
    if method == "OPTIONS":
        lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
    elif method == "DESCRIBE":
        body = SDP
        if random.random() < 0.1:
            body += "a=x:" + "y" * random.choice((100, 10**5, 10**7)) + "\r\n"
        lines.append(f"Content-Base: rtsp://127.0.0.1:{port}/live/")
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    elif method == "SETUP":
        lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        lines.append("Session: 1")
    elif method == "PLAY":
        lines.append("Session: 1")
    if random.random() < 0.05:
        lines[0] = random.choice(
            ("RTSP/1.0 401 \x1b[31mNo", "RTSP/1.0 454 x", "RTSP/1.0 302 x\r\nLocation: rtsp://", "")
        )
    answer = ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")
    return damaged(random, answer) if random.random() < 0.05 else answer


def rtsp(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a run on an RTSP camera that loses and damages packets, and sometimes stalls."""
    frames = nal_units()

    def play(random: Random, client: socket.socket, end: threading.Event) -> None:
        sequence = 0
        for count in range(200):
            for unit in frames[count % len(frames)]:
                packets = rtp_packets(unit, sequence, count * 3000)
                sequence += len(packets)
                for packet in packets:
                    chance = random.random()
                    if chance < 0.02:
                        continue
                    client.sendall(damaged(random, packet) if chance < 0.03 else packet)
            if end.wait(FRAME_S if random.random() < 0.99 else random.choice((1.5, 5.0))):
                return

    def serve(random: Random, client: socket.socket, end: threading.Event) -> None:
        heard = b""
        while not end.is_set():
            while b"\r\n\r\n" not in heard:
                received = client.recv(65536)
                if not received:
                    return
                heard += received
            request, _, heard = heard.partition(b"\r\n\r\n")
            if random.random() < 0.02:
                end.wait(60)
            client.sendall(answer_to(random, request, client.getsockname()[1]))
            if request.startswith(b"PLAY"):
                play(random, client, end)
                return

    return camera(random, folder, closing, serve, "rtsp://127.0.0.1:{port}/live")


# --- downloads ------------------------------------------------------------------------------------


def downloads(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Create a download from a server that sends wrong data, too little, too much, or nothing."""
    listed = {name: urlsplit(one.url) for name, one in load_downloads().items()}
    name = random.choice(sorted(name for name in listed if listed[name].hostname == HOST))
    (folder / "inputs").mkdir(exist_ok=True)
    publisher = closing.enter_context(publishing(make_certificate(folder / "inputs")))
    body = random.choice((b"", b"<html>", b"\x1c\0\0\0TFL3" + random.randbytes(100_000)))
    offer = Offer(
        body,
        status=random.choice((200, 200, 200, 404, 403, 500, 206, 304, 999)),
        declared=random.choice((None, None, 0, 10**12, len(body) // 2, len(body) + 1)),
        cut_after=random.choice(((), (), (10,), (0, 0, 0, 0))),
        silent=random.random() < 0.1,
        garbled=random.random() < 0.1,
    )
    publisher.offers[listed[name].path] = offer
    publisher.proxy_status = random.choice((200, 200, 200, 200, 407, 502))
    # Up to four attempts, with pauses of 1, 2 and 4 s.
    return Case(["models", "fetch", name], publisher.environment, seconds=20, statuses=(1, 3))
