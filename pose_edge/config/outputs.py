"""The settings of all outputs except the screen: files and network outputs."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from pose_edge.config.section import (
    ADDRESSES_PATTERN,
    BROKER_PATTERN,
    Address,
    FileName,
    ListenAddress,
    OutputName,
    RecordingName,
    Score,
    Section,
)

PASSWORD_VARIABLE: Final = "POSE_EDGE_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
"""Environment variable with the broker's password, used if there is no `mqtt.password_file`."""


class RecordSettings(Section):
    """A video of what is shown."""

    path: RecordingName | None = Field(
        None,
        description="an .mp4 file; {time} in its name: when it was started",
    )
    quality: int = Field(
        23, ge=0, le=51, description="constant rate factor of H.264; lower is better and larger"
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = Field(
        "ultrafast", description="speed of the H.264 encoder: slower is smaller"
    )


class PosesSettings(Section):
    """The poses as text, one JSON object per frame."""

    path: OutputName | None = Field(
        None,
        description="a .jsonl file, {time}: see record.path; - is the standard output",
    )


class StorageSettings(Section):
    """Recordings and pose files of live sources; none is ever overwritten."""

    segment: float | None = Field(
        None, ge=0.01, le=10_080.0, description="minutes after which a new file is started"
    )
    keep: float | None = Field(
        None, ge=0.001, description="GB of each kind, beyond which the oldest files are removed"
    )
    min_free: float = Field(
        0.5,
        ge=0.0,
        description="GB kept free (a tenth of a small disk); with less, nothing is written",
    )


class CsvSettings(Section):
    """The poses as a table, one row per frame and person."""

    path: OutputName | None = Field(None, description="a .csv file, {time}: see record.path")
    coordinates: Literal["pixels", "normalised"] = Field(
        "pixels", description="pixels, or normalised: 0...1 of width and height"
    )
    min_keypoint_score: Score = Field(
        0.25, description="weaker keypoints make no joint angle: its cell is empty"
    )


class UdpSettings(Section):
    """Each pose line as one datagram."""

    target: Address | None = Field(None, description="HOST:PORT, where they are sent")


class OscSettings(Section):
    """The poses as Open Sound Control messages."""

    targets: str | None = Field(
        None,
        pattern=ADDRESSES_PATTERN,
        description="HOST:PORT, where they are sent; several with commas between",
    )
    layout: Literal["addr", "arr"] = Field(
        "addr", description="addr: an address per keypoint; arr: one list per frame"
    )
    coordinates: Literal["pixels", "normalised"] = Field(
        "normalised", description="pixels, or normalised: 0...1 of width and height"
    )


class MqttSettings(Section):
    """Poses, events and state for an MQTT broker, and for Home Assistant through it."""

    url: str | None = Field(
        None,
        pattern=BROKER_PATTERN,
        description="mqtt://HOST[:PORT], or mqtts:// with TLS",
    )
    password_file: FileName | None = Field(
        None, description=f"file with the password; or the variable {PASSWORD_VARIABLE}"
    )
    ca_file: FileName | None = Field(
        None, description="certificate that signed the broker's; null: those of the system"
    )
    version: Literal["5", "3.1.1"] = Field("5", description="of the protocol: 5 or 3.1.1")
    device: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="name in topics; null: host name and eight digits of this machine's own",
    )
    rate: float = Field(
        10.0, ge=0.0, le=240.0, description="poses per second at most; 0: events and state only"
    )
    discovery: bool = Field(True, description="appear in Home Assistant by itself")
    discovery_prefix: str = Field(
        "homeassistant",
        pattern=r"^[A-Za-z0-9_/-]+$",
        description="Home Assistant's discovery prefix",
    )
    control: bool = Field(False, description="let the broker choose model and Edge TPU")
    present_after: float = Field(
        0.5, ge=0.0, le=60.0, description="seconds with a person before presence is on"
    )
    absent_after: float = Field(
        5.0, ge=0.0, le=3600.0, description="seconds without a person before presence is off"
    )


class WebSocketSettings(Section):
    """Each pose line to every WebSocket client, at /poses."""

    listen: ListenAddress | None = Field(
        None, description="[HOST:]PORT; without a host: this machine only"
    )
    origins: str = Field(
        "", description="web pages that may read along, e.g. https://example.org; commas between"
    )


class MetricsSettings(Section):
    """Figures for Prometheus, at /metrics."""

    listen: ListenAddress | None = Field(
        None, description="[HOST:]PORT; without a host: this machine only"
    )


class WebSettings(Section):
    """A page to watch and to steer."""

    enabled: bool = Field(False, description="serve it, beside any screen")
    listen: ListenAddress = Field(
        "8080", description="[HOST:]PORT; without a host: this machine only"
    )
    token_file: FileName | None = Field(
        None, description="file with the token that people log in with; needed by other machines"
    )
    hosts: str = Field(
        "", description="names of a reverse proxy, e.g. pose.example.org; commas between"
    )
    picture_width: int = Field(
        640, ge=64, le=3840, description="of the live picture, pixels, at most"
    )
    fps: float = Field(15.0, gt=0.0, le=60.0, description="pictures per second, at most")
    quality: int = Field(75, ge=10, le=95, description="of its JPEGs")
    clients: int = Field(8, ge=1, le=64, description="watchers at the same time, at most")


class EventsSettings(Section):
    """Who has come and left, in pose lines, MQTT and OSC; needs tracking."""

    enter: float = Field(0.5, ge=0.0, le=60.0, description="seconds in sight before it is said")
    leave: float = Field(1.0, ge=0.0, le=60.0, description="seconds out of sight before it is said")
