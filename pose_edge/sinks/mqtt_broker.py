"""Read address and login of the MQTT broker from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from pose_edge.config.outputs import PASSWORD_VARIABLE, MqttSettings
from pose_edge.errors import UnavailableError, UsageError
from pose_edge.util.extras import extra_command
from pose_edge.util.paths import user_path
from pose_edge.util.text import one_line

if TYPE_CHECKING:
    import ssl

WRONG_URL: Final = "mqtt.url is not the address of a broker"
WRONG_URL_REMEDY: Final = (
    "write mqtt://HOST, with %40 for an @ and %2F for a / in user name and password"
)


@dataclass(frozen=True, slots=True)
class Broker:
    """The address of an MQTT broker, and the login to it.

    Attributes:
        host: Host name or address.
        port: TCP port.
        tls: Checks the broker's certificate; None for an unencrypted connection.
        version: Version of the protocol, "5" or "3.1.1".
        login: Returns user name and password, each None if there is none; may raise
            `PoseEdgeError`. Called before each attempt to connect, so that a changed password is
            used.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    version: str
    login: Callable[[], tuple[str | None, str | None]]

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def find_broker(settings: MqttSettings, environment: Mapping[str, str]) -> Broker:
    """Return the broker that the settings name, without connecting to it.

    Raises:
        UsageError: `mqtt.url` is not a broker's address, or there is a password but no user name.
        UnavailableError: A file cannot be read, or paho-mqtt is not installed.
    """
    try:
        import paho.mqtt.client  # noqa: F401 - only whether it is there
    except ImportError:
        raise UnavailableError(
            "mqtt needs the package paho-mqtt", remedy=f"install it with {extra_command('mqtt')}"
        ) from None
    wrong = UsageError(WRONG_URL, remedy=WRONG_URL_REMEDY)
    try:
        url = urlsplit(settings.url or "")
        host, tls = url.hostname or "", url.scheme == "mqtts"
        host.encode("idna")
        port = url.port or (8883 if tls else 1883)
    except ValueError:  # invalid port, IPv6 address or host name
        raise wrong from None
    if not host or url.path.strip("/") or url.query or url.fragment:
        raise wrong
    user = unquote(url.username) if url.username else None
    in_url = unquote(url.password) if url.password else None

    def login() -> tuple[str | None, str | None]:
        return user, _password(settings, environment) or in_url

    if login()[1] is not None and user is None:
        raise UsageError(
            "mqtt: there is a password, but no user name", remedy="mqtt.url: mqtt://USER@HOST"
        )
    return Broker(host, port, _tls(settings) if tls else None, settings.version, login)


def _password(settings: MqttSettings, environment: Mapping[str, str]) -> str | None:
    if settings.password_file is None:
        return environment.get(PASSWORD_VARIABLE)
    try:
        text = Path(user_path(settings.password_file)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UnavailableError(
            f"mqtt.password_file: {settings.password_file}: {reason}",
            remedy="let the program's user read it",
        ) from None
    return text.rstrip("\r\n")


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    import ssl

    file = settings.ca_file
    try:
        return ssl.create_default_context(cafile=None if file is None else user_path(file))
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or "it holds no certificate"
        raise UnavailableError(f"mqtt.ca_file: {file}: {one_line(reason)}") from None
