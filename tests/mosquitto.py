"""A real MQTT broker (Debian's mosquitto), and a client that subscribes to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import GENEROUS_S, wait_until
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

FOLDERS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
PROGRAM = shutil.which("mosquitto", path=FOLDERS)

needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker on its own port, which can be stopped, frozen and restarted."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """Start the broker.

        Args:
            folder: Folder for its configuration and log.
            lines: Lines of its configuration; by default anonymous clients may do everything.
        """
        self.port = free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        listener = [f"listener {self.port} 127.0.0.1", "user root", "persistence false"]
        self._config.write_text("\n".join([*listener, *(lines or ["allow_anonymous true"])]))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert PROGRAM is not None
        log = self._config.with_suffix(".log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", str(self._config)], stdout=log, stderr=log
            )
        wait_until(self._listens, "mosquitto")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(GENEROUS_S)
            self._process = None

    def freeze(self) -> None:
        """Suspend the broker, with all its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """A client that keeps the messages of each topic, and the retained ones separately."""

    def __init__(self, port: int, topic: str = "#", login: tuple[str, str] | None = None) -> None:
        self.messages: defaultdict[str, list[bytes]] = defaultdict(list)
        self.retained: dict[str, bytes] = {}
        self._ready = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        if login:
            self.client.username_pw_set(*login)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._keep
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(GENEROUS_S)

    def _keep(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.messages[message.topic].append(bytes(message.payload))
        if message.retain:
            self.retained[message.topic] = bytes(message.payload)

    def wait_for(self, topic: str, payload: bytes | None = None) -> bytes:
        """Wait for a message on a topic, and return the newest one.

        Args:
            topic: The topic.
            payload: Content of the message to wait for; None for any.
        """
        wanted = f"{payload!r} on {topic}"
        wait_until(
            lambda: any(payload in (None, one) for one in self.messages[topic]),
            wanted,
        )
        return self.messages[topic][-1]

    def last_json(self, topic: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.messages[topic][-1])
        return said

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def broker(folder: Path, *lines: str) -> Iterator[Mosquitto]:
    made = Mosquitto(folder, *lines)
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def listening(
    port: int, topic: str = "#", login: tuple[str, str] | None = None
) -> Iterator[Listener]:
    listener = Listener(port, topic, login)
    try:
        yield listener
    finally:
        listener.close()


def retained(port: int, topic: str = "#") -> dict[str, bytes]:
    """Return a broker's retained messages, which a new client receives before any others."""
    with listening(port, topic) as newcomer:
        mark = f"mark/{free_port()}"
        if topic != "#":
            newcomer.client.subscribe(mark, 1)
        newcomer.client.publish(mark, b"here", 1)
        newcomer.wait_for(mark)
        return newcomer.retained
