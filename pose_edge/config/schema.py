"""Every setting: its name, type, default, range and meaning.

`config.yaml` is generated from these models (`pose-edge config show --defaults`), so each setting
is described in one place only.
"""

# No `from __future__ import annotations`: pydantic would have to evaluate each annotation from its
# text, which is a quarter of the import time of this file.

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from pose_edge.config.outputs import (
    CsvSettings,
    EventsSettings,
    MetricsSettings,
    MqttSettings,
    OscSettings,
    PosesSettings,
    RecordSettings,
    StorageSettings,
    UdpSettings,
    WebSettings,
    WebSocketSettings,
)
from pose_edge.config.section import FileName, Score, Section

SHORT_FORMS: Final = {"edgetpu": "mode"}
"""Sections that may be given as a single value, and the key that this value is assigned to."""

TESTING: Final = "testing"
"""The section that only the program's own tests use; it is neither printed nor documented."""

EDGETPU_LIBRARY: Final = "libedgetpu.so.1"
"""File name of Google's Edge TPU library as Debian packages install it."""

DEVICE_PATTERN: Final = r"^(usb|pci)?(:[0-9]{1,3})?$"
"""Device names of the Edge TPU library: "", ":N", "usb", "usb:N", "pci", "pci:N"; N from 0."""


class SourceSettings(Section):
    """Where the pictures come from."""

    name: FileName = Field(
        "auto",
        description="auto, demo, picamera, /dev/video0, camera:NAME, URL, file or folder",
    )
    poses: FileName | None = Field(
        None, description="replay: the pose lines recorded with a video, in place of a model"
    )
    loop: bool = Field(False, description="start a video again when it ends")
    pace: bool = Field(
        True, description="play a video at its own speed; false: as fast as possible"
    )


class CameraSettings(Section):
    """Cameras; rotation and mirror also apply to network streams."""

    width: int = Field(1280, ge=64, le=7680, description="pixels; the camera may give another size")
    height: int = Field(720, ge=64, le=4320, description="pixels")
    fps: float = Field(30.0, gt=0.0, le=240.0, description="frames per second")
    rotation: Literal[0, 90, 180, 270] = Field(
        0, description="degrees clockwise, for a camera that is mounted turned"
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        "none", description="camera module: swaps back what a mirror before it swapped"
    )
    mirror: bool = Field(
        False, description="show the picture as a mirror does; a person's left stays left"
    )
    exposure: int | None = Field(
        None, ge=10, le=1_000_000, description="camera module: microseconds; null: automatic"
    )
    gain: float | None = Field(
        None, ge=1.0, le=64.0, description="camera module: analogue gain; null: automatic"
    )
    focus: float | None = Field(
        None,
        ge=0.0,
        le=32.0,
        description="camera module: 1 / metres, 0: far; null: continuous autofocus",
    )
    timeout: float = Field(
        5.0, ge=0.5, le=10.0, description="seconds without a frame after which a source is lost"
    )
    wait: bool = Field(
        False, description="start without the camera and wait for it; false: end with an error"
    )
    transport: Literal["tcp", "udp"] = Field(
        "tcp", description="of rtsp:// streams; udp: less delay, but pictures may break"
    )
    snapshot_fps: float = Field(
        5.0,
        ge=0.1,
        le=30.0,
        description="how often a http:// address that gives single JPEGs is asked, per second",
    )


class ModelSettings(Section):
    """Which model estimates the poses, and on what."""

    name: str = Field(
        "movenet-lightning-int8",
        min_length=1,
        description="auto, a name of `pose-edge models list`, or a .tflite file",
    )
    threads: int = Field(4, ge=1, le=64, description="CPU threads, at most one per usable core")
    min_keypoint_score: Score = Field(
        0.2, description="weaker keypoints count neither for crop nor box"
    )
    second_look: bool = Field(
        True, description="refine on a closer crop what was found in the whole frame"
    )
    min_pose_score: Score | None = Field(
        None, description="below this score there is no person; null: the model's own"
    )
    min_keypoints: int = Field(
        3, ge=0, le=17, description="with fewer keypoints that count there is no person"
    )
    people: Literal["one", "several"] = Field(
        "one", description="one, or several: found by MultiPose, refined by this model"
    )
    max_people: int = Field(
        12, ge=1, le=12, description="most people found, where several are looked for"
    )
    effort: Literal["auto", "fast", "thorough"] = Field(
        "auto", description="fast, thorough or auto (several in pictures and annotate: thorough)"
    )
    rest: Literal["auto", "off"] = Field(
        "auto", description="auto: live, look 4 times a second while nobody is there; off: always"
    )
    input_range: Literal["auto", "0..255", "0..1", "-1..1"] = Field(
        "auto", description="what a float32 input wants; auto: by metadata or a trial"
    )


class EdgeTpuSettings(Section):
    """Whether MoveNet runs on a Coral Edge TPU; `edgetpu: off` is short for the mode."""

    mode: Literal["auto", "on", "off"] = Field(
        "auto", description="auto (while one is plugged in), on (required at start) or off"
    )
    device: str = Field(
        "",
        pattern=DEVICE_PATTERN,
        description='"" (any), usb, pci, or one of several: ":0", "usb:1", "pci:0"',
    )
    library: str = Field(
        EDGETPU_LIBRARY, min_length=1, description="name or path of Google's library"
    )
    model: str | None = Field(
        None,
        min_length=1,
        description="a compiled .tflite file, in place of the model's listed twin",
    )
    timeout: float = Field(
        2.0, ge=0.05, le=60.0, description="seconds after which an inference counts as failed"
    )
    max_backoff: float = Field(
        60.0,
        ge=0.1,
        le=3600.0,
        description="longest wait before a failing one is tried again, seconds",
    )


class TrackingSettings(Section):
    """Following people from frame to frame (not for pictures)."""

    enabled: bool = Field(True, description="give people ids; without ids nothing is smoothed")
    max_age: float = Field(
        1.0, ge=0.1, le=10.0, description="seconds unseen after which a person is forgotten"
    )
    min_similarity: Score = Field(0.1, description="similarity that a pose needs to a known person")


class SmoothingSettings(Section):
    """Steady skeletons by a one-euro filter: still joints rest, moving ones lag a little."""

    mode: Literal["auto", "on", "off"] = Field(
        "auto", description="auto (on for cameras and streams), on or off"
    )
    min_cutoff: float = Field(
        0.5, ge=0.1, le=10.0, description="Hz; lower: still joints jitter less"
    )
    beta: float = Field(8.0, ge=0.0, le=100.0, description="higher: moving joints lag less")


def _readout_of_a_switch(value: object) -> object:
    """Convert true and false, the values of this setting in earlier versions, to the new ones."""
    switch = {"true": "short", "false": "off"}
    return switch.get(str(value).lower(), value) if isinstance(value, (bool, str)) else value


class OverlaySettings(Section):
    """What is drawn on the picture."""

    skeleton: bool = Field(True, description="the skeleton (key s)")
    readout: Annotated[Literal["short", "full", "off"], BeforeValidator(_readout_of_a_switch)] = (
        Field("short", description="short (frame rate, latency, faults), full or off (key i)")
    )
    crop: bool = Field(False, description="the crop that the model sees (key c)")
    min_keypoint_score: Score = Field(
        0.25, description="weaker keypoints are not drawn; low values give ghosts"
    )
    colour: Literal["side", "person"] = Field(
        "side", description="of skeletons: side (right orange, left blue) or person"
    )
    sync: Literal["frame", "live"] = Field(
        "frame", description="frame (poses on their own frame) or live (moved to the newest)"
    )
    background: Literal["camera", "black", "blur"] = Field(
        "camera", description="black, blur: no camera picture leaves the program (key b)"
    )
    trails: float = Field(
        0.0, ge=0.0, le=10.0, description="seconds of the paths of hands and feet; 0: none"
    )


class DisplaySettings(Section):
    """Where the picture is shown."""

    kind: Literal["auto", "hdmi", "window", "web", "none"] = Field(
        "auto",
        description="auto, hdmi (no desktop), window (on a desktop), web (the page) or none",
    )
    fullscreen: bool = Field(False, description="start a window in full screen (key f)")
    output: str = Field(
        "auto",
        min_length=1,
        description="hdmi: auto (the first with a screen) or a name, e.g. HDMI-A-2",
    )
    mode: str = Field(
        "auto",
        pattern=r"^(auto|[1-9][0-9]{2,4}x[1-9][0-9]{2,4}(@[1-9][0-9]{0,2})?)$",
        description="hdmi: auto (the screen's own), or e.g. 1280x720 or 1280x720@60",
    )
    rotation: Literal[0, 90, 180, 270] = Field(
        0, description="degrees clockwise, for a screen that hangs turned"
    )
    fit: Literal["contain", "fill"] = Field(
        "contain", description="contain (bars beside the picture) or fill (its edges are cut off)"
    )
    lock_keys: bool = Field(False, description="keys do nothing, as in an exhibition")


class RunSettings(Section):
    """When a run ends by itself."""

    max_frames: int | None = Field(None, ge=1, description="end after this many processed frames")
    duration: float | None = Field(None, gt=0.0, description="end after this many seconds")


class TestingSettings(Section):
    """A fake machine and a deadlock, for the program's own tests."""

    sysfs: str = Field("/sys", min_length=1, description="in place of /sys")
    dev: str = Field("/dev", min_length=1, description="in place of /dev")
    deadlock: Literal["source", "inference", "screen"] | None = Field(
        None, description="the part that hangs upon SIGUSR2"
    )


class LogSettings(Section):
    """The log on the standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error; debug shows tracebacks"
    )
    format: Literal["auto", "text", "journal", "json"] = Field(
        "auto", description="auto (journal under systemd, else text), text, journal or json"
    )


class Settings(Section):
    """All settings of the program."""

    source: SourceSettings = SourceSettings()
    camera: CameraSettings = CameraSettings()
    model: ModelSettings = ModelSettings()
    edgetpu: EdgeTpuSettings = EdgeTpuSettings()
    tracking: TrackingSettings = TrackingSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    overlay: OverlaySettings = OverlaySettings()
    display: DisplaySettings = DisplaySettings()
    record: RecordSettings = RecordSettings()
    poses: PosesSettings = PosesSettings()
    csv: CsvSettings = CsvSettings()
    storage: StorageSettings = StorageSettings()
    udp: UdpSettings = UdpSettings()
    osc: OscSettings = OscSettings()
    mqtt: MqttSettings = MqttSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    events: EventsSettings = EventsSettings()
    run: RunSettings = RunSettings()
    log: LogSettings = LogSettings()
    testing: SkipJsonSchema[TestingSettings] = TestingSettings()
