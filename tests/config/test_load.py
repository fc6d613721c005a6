from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pose_edge.config.load import (
    MAX_FAULTS,
    MAX_LETTERS,
    config_schema,
    load_config,
    load_with_origins,
    render_config,
)
from pose_edge.config.outputs import RecordSettings
from pose_edge.config.schema import CameraSettings, EdgeTpuSettings, ModelSettings, Settings
from pose_edge.config.yaml_tree import KeyPath
from pose_edge.errors import ConfigError
from pose_edge.util import resources

ROOT = Path(__file__).resolve().parents[2]
Override = tuple[str, str, str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def load(
    file: Path,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    overrides: Sequence[Override] = (),
) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load_config(file, environment or {}, overrides)


def faults(
    file: Path,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    overrides: Sequence[Override] = (),
) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(file, text, environment, overrides)
    assert str(error.value) == "\n".join(error.value.faults)
    assert error.value.exit_status == 2
    return [fault.replace(str(file), "config.yaml") for fault in error.value.faults]


def faults_of(
    path: Path, environment: Mapping[str, str] | None = None, overrides: Sequence[Override] = ()
) -> list[str]:
    """Return the faults of a configuration, [] if it is valid; any other error fails the test."""
    try:
        load_config(path, environment or {}, overrides)
    except ConfigError as error:
        return error.faults
    return []


# --- parsing the user's file ----------------------------------------------------------------------


def test_the_shipped_file_is_what_the_models_say() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert text == render_config(Settings())
    assert resources.default_config().read_text(encoding="utf-8") == text


def test_every_setting_stands_in_the_shipped_file_with_its_default_and_one_comment() -> None:
    path = ROOT / "config.yaml"
    assert load_config(path, {}) == Settings()
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    defaults = Settings().model_dump(exclude={"testing"})
    assert values == defaults
    assert list(values) == list(defaults)
    lines = path.read_text(encoding="utf-8").splitlines()
    for name, section in defaults.items():
        assert list(values[name]) == list(section)
        start = lines.index(f"{name}:")
        assert re.fullmatch(r"# \S.*", lines[start - 1]), "a section has a line of comment"
        for offset, key in enumerate(section, start=1):
            match = re.fullmatch(r"  (\w+): (\S.*?) +# (\S.*)", lines[start + offset])
            assert match, lines[start + offset]
            assert match[1] == key


def test_what_only_tests_set_is_in_no_text_for_users(file: Path) -> None:
    environment = {"POSE_EDGE_TESTING__SYSFS": "/made/up", "POSE_EDGE_TESTING__DEADLOCK": "screen"}
    overrides = [("testing.dev", "/there", "--set testing.dev=/there")]
    settings = load(file, "", environment, overrides)
    testing = settings.testing
    assert (testing.sysfs, testing.dev, testing.deadlock) == ("/made/up", "/there", "screen")
    assert "testing" not in render_config(settings)
    assert "esting" not in json.dumps(config_schema())
    (fault,) = faults(file, "", {"POSE_EDGE_TESTING__DEADLOCK": "all"})
    assert "testing.deadlock: Input should be 'source', 'inference' or 'screen'" in fault
    (fault,) = faults(file, "testing: {other: 1}\n")
    assert "config.yaml:1: testing.other: unknown key" in fault
    (fault,) = faults(file, "tesing: {sysfs: /x}\n")
    assert "unknown section" in fault
    assert "testing" not in fault


def test_one_line_of_comment_fits_a_screen() -> None:
    for line in (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines():
        assert len(line) <= 110


# --- precedence -----------------------------------------------------------------------------------


def test_precedence(file: Path) -> None:
    text = "camera: {width: 100, height: 200, fps: 3}\nmodel: {threads: 3}\n"
    environment = {
        "POSE_EDGE_CAMERA__HEIGHT": "201",
        "POSE_EDGE_CAMERA__FPS": "4",
        "POSE_EDGE_VERSION": "no setting: it has no section",
        "OTHER_CAMERA__FPS": "9",
    }
    settings = load(file, text, environment, [("camera.fps", "5", "--set camera.fps=5")])
    camera = settings.camera
    assert (camera.width, camera.height, camera.fps) == (100, 201, 5.0)
    assert settings.model.threads == 3
    assert settings.camera.timeout == CameraSettings().timeout


def test_the_name_of_a_file_that_is_not_utf_8(file: Path) -> None:
    file.write_text("", encoding="utf-8")
    name = b"caf\xe9.mp4".decode(errors="surrogateescape")
    assert load_config(file, {}, [("source.name", name, "--source")]).source.name == name
    assert load_config(file, {"POSE_EDGE_SOURCE__NAME": name}, []).source.name == name


def test_the_last_override_wins(file: Path) -> None:
    overrides = [("log.level", "debug", "--set"), ("log.level", "error", "--log-level")]
    assert load(file, "", {}, overrides).log.level == "error"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("source.name", "2024", "2024"),
        ("source.name", "true", "true"),
        ("source.name", "null", "null"),
        ("source.name", "rtsp://a:b@c/#d: [e", "rtsp://a:b@c/#d: [e"),
        ("record.path", "out.mp4", "out.mp4"),
        ("poses.path", "7", "7"),
        ("record.path", "null", None),
        ("record.path", "", None),
        ("run.max_frames", "12", 12),
        ("run.max_frames", "null", None),
        ("run.duration", "1.5", 1.5),
        ("run.duration", "2", 2.0),
        ("source.loop", "true", True),
        ("camera.rotation", "270", 270),
        ("display.kind", "none", "none"),
    ],
)
def test_texts_of_command_line_and_environment_are_typed(
    file: Path, key: str, text: str, value: object
) -> None:
    section, name = key.split(".")
    by_option = load(file, "", {}, [(key, text, "--set")])
    variable = f"POSE_EDGE_{section.upper()}__{name.upper()}"
    by_variable = load(file, "", {variable: text})
    for settings in (by_option, by_variable):
        found = getattr(getattr(settings, section), name)
        assert found == value
        assert type(found) is type(value)


def test_a_section_without_keys_means_its_defaults(file: Path) -> None:
    assert load(file, "model:\n  # threads: 3\ncamera: ~\n") == Settings()
    assert load(file, "model:\n", {"POSE_EDGE_MODEL__THREADS": "2"}).model.threads == 2


def test_an_empty_file_means_the_defaults(file: Path) -> None:
    assert load(file) == Settings()


def test_what_other_editors_add_is_no_fault(file: Path) -> None:
    assert load(file, "\ufeffmodel:\r\n  threads: 2\r\n").model.threads == 2


# --- shorthand for a section ----------------------------------------------------------------------

MODES = get_args(EdgeTpuSettings.model_fields["mode"].annotation)


@pytest.mark.parametrize("mode", MODES)
def test_one_word_turns_the_edge_tpu_on_or_off(file: Path, mode: str) -> None:
    expected = load(file, f"edgetpu: {{mode: {mode}}}\n")
    assert expected.edgetpu.mode == mode
    assert load(file, f"edgetpu: {mode}\n") == expected
    assert load(file, f"edgetpu: '{mode}'  # quoted\n") == expected
    assert load(file, "", {"POSE_EDGE_EDGETPU": mode}) == expected
    assert load(file, "", {}, [("edgetpu", mode, f"--set edgetpu={mode}")]) == expected
    assert load(file, "", {}, [("edgetpu.mode", mode, f"--edgetpu {mode}")]) == expected


def test_the_word_of_a_higher_place_wins(file: Path) -> None:
    environment = {"POSE_EDGE_EDGETPU": "on"}
    assert load(file, "edgetpu: off\n", environment).edgetpu.mode == "on"
    assert load(file, "edgetpu: {mode: off}\n", environment).edgetpu.mode == "on"
    for key in ("edgetpu", "edgetpu.mode"):
        settings = load(file, "edgetpu: off\n", environment, [(key, "auto", "--set")])
        assert settings.edgetpu.mode == "auto"
    overrides = [("edgetpu", "on", "--set"), ("edgetpu.mode", "off", "--edgetpu off")]
    assert load(file, "", {}, overrides).edgetpu.mode == "off"


@pytest.mark.parametrize(
    ("text", "environment", "overrides"),
    [
        ("edgetpu: on", {"POSE_EDGE_EDGETPU__DEVICE": "usb"}, []),
        ("edgetpu: on", {}, [("edgetpu.device", "usb", "--set")]),
        ("edgetpu: {device: usb}", {"POSE_EDGE_EDGETPU": "on"}, []),
        ("edgetpu: {device: usb, mode: off}", {}, [("edgetpu", "on", "--set")]),
        ("", {"POSE_EDGE_EDGETPU": "on", "POSE_EDGE_EDGETPU__DEVICE": "usb"}, []),
        ("", {"POSE_EDGE_EDGETPU__DEVICE": "usb"}, [("edgetpu", "on", "--set")]),
        ("edgetpu:", {"POSE_EDGE_EDGETPU": "on"}, [("edgetpu.device", "usb", "--set")]),
    ],
)
def test_the_word_and_other_keys_of_the_section_go_together(
    file: Path, text: str, environment: Mapping[str, str], overrides: Sequence[Override]
) -> None:
    settings = load(file, text, environment, overrides)
    assert settings.edgetpu == EdgeTpuSettings(mode="on", device="usb")


@pytest.mark.parametrize("word", ["maybe", "On", "yes", "no", "''"])
def test_another_word_is_a_fault_of_the_mode(file: Path, word: str) -> None:
    given = word.strip("'")
    says = f"edgetpu.mode: {given!r} is not allowed here; allowed: auto, on, off"
    assert faults(file, f"\nedgetpu: {word}\n") == [f"config.yaml:2: {says}"]
    assert faults(file, "", {"POSE_EDGE_EDGETPU": given}) == [
        f"environment variable POSE_EDGE_EDGETPU: {says}"
    ]
    assert faults(file, "", {}, [("edgetpu", given, "--set edgetpu=x")]) == [
        f"--set edgetpu=x: {says}"
    ]


@pytest.mark.parametrize("value", ["5", "true", "[on]"])
def test_what_is_no_word_is_a_fault_of_the_section(file: Path, value: str) -> None:
    (fault,) = faults(file, f"edgetpu: {value}\n")
    assert fault.startswith("config.yaml:1: edgetpu: expected a section with keys (mode, device, ")


def test_no_other_section_is_a_word(file: Path) -> None:
    for section in dict(Settings()):
        if section != "edgetpu":
            (fault,) = faults(file, f"{section}: off\n")
            assert fault.startswith(f"config.yaml:1: {section}: expected a section")


def test_the_section_twice_is_a_fault_in_either_form(file: Path) -> None:
    (fault,) = faults(file, "edgetpu: off\nedgetpu: {device: usb}\n")
    assert fault == "config.yaml:2: edgetpu: given twice (first in line 1)"


def test_editors_know_both_forms() -> None:
    schema = config_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for mode in MODES:
        validator.validate({"edgetpu": mode})
        validator.validate({"edgetpu": {"mode": mode, "device": "usb:0"}})
    wrongs: list[Any] = [
        "maybe",
        "",
        5,
        True,
        None,
        [],
        {"mode": "no"},
        {"mdoe": "on"},
        {"mode": 1},
    ]
    for wrong in wrongs:
        assert not validator.is_valid({"edgetpu": wrong}), wrong
    assert not validator.is_valid({"edgetpu": {"device": "usb1"}})
    assert not validator.is_valid({"display": "none"})
    validator.validate(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))


# --- faults ---------------------------------------------------------------------------------------


def test_all_faults_of_all_places_at_once(file: Path) -> None:
    text = (
        "camera:\n"
        "  fsp: 30\n"
        "  width: wide\n"
        "  width: 640\n"
        "modle:\n"
        "  threads: 2\n"
        "source:\n"
        "  loop: yes\n"
        "run: {max_frames: 0}\n"
    )
    found = faults(
        file,
        text,
        {"POSE_EDGE_LOG__LEVEL": "loud", "POSE_EDGE_CAMRA__FPS": "3"},
        [("model.threads", "many", "--threads many"), ("display", "tv", "--set display=tv")],
    )
    assert sorted(found) == sorted(
        [
            "config.yaml:2: camera.fsp: unknown key; did you mean camera.fps?",
            (
                "config.yaml:3: camera.width: 'wide' is not allowed here; "
                "allowed: a whole number from 64 to 7680"
            ),
            "config.yaml:4: camera.width: given twice (first in line 3)",
            "config.yaml:5: modle: unknown section; did you mean model?",
            "config.yaml:8: source.loop: 'yes' is not allowed here; allowed: true or false",
            (
                "config.yaml:9: run.max_frames: 0 is not allowed here; "
                "allowed: a whole number, at least 1, or null"
            ),
            (
                "environment variable POSE_EDGE_LOG__LEVEL: log.level: 'loud' is not allowed here; "
                "allowed: debug, info, warning, error"
            ),
            (
                "environment variable POSE_EDGE_CAMRA__FPS: camra: unknown section; "
                "did you mean camera?"
            ),
            (
                "--threads many: model.threads: 'many' is not allowed here; "
                "allowed: a whole number from 1 to 64"
            ),
            (
                "--set display=tv: display: expected a section with keys "
                "(kind, fullscreen, output, mode, rotation, fit, lock_keys)"
            ),
        ]
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("model:\n  treads: 2\n", "2: model.treads: unknown key; did you mean model.threads?"),
        ("model:\n  width: 2\n", "2: model.width: unknown key; did you mean camera.width?"),
        ("run:\n  pace: true\n", "2: run.pace: unknown key; did you mean source.pace?"),
        (
            "run:\n  xyzzy: 2\n",
            "2: run.xyzzy: unknown key; known are: run.duration, run.max_frames",
        ),
        ("model: 5\n", "1: model: expected a section with keys (name, threads, "),
        ("model: [a]\n", "1: model: expected a section with keys (name, threads, "),
        ("model:\n  name: 5\n", "2: model.name: 5 is not allowed here; allowed: text"),
        ("model:\n  name: {a: b}\n", "2: model.name: {'a': 'b'} is not allowed here; "),
        (
            "camera:\n\n  fps: 0\n",
            "3: camera.fps: 0 is not allowed here; allowed: a number above 0",
        ),
        (
            "camera:\n  rotation: 45\n",
            "2: camera.rotation: 45 is not allowed here; allowed: 0, 90, 180, 270",
        ),
        ("camera:\n  fps: !!float .nan\n", "2: camera.fps: nan is not allowed here; "),
        ("run:\n  duration: 1e999\n", "2: run.duration: inf is not allowed here; "),
        ("camera:\n  fps:\n", "2: camera.fps: a value is missing; allowed: a number above 0"),
        ("- model\n", "1: expected sections"),
        ("model: {threads: 2\n", "2: not YAML"),
        ("\tmodel: 1\n", "1: not YAML"),
        ("model: &m {threads: *m}\n", "1: not YAML"),
        ("model: !!int ''\n", "1: model: "),
        ("\x00", "1: not YAML"),
    ],
)
def test_one_fault_with_its_place(file: Path, text: str, fault: str) -> None:
    (found,) = faults(file, text)
    assert found.startswith(f"config.yaml:{fault}")


@pytest.mark.parametrize("key", ["", ".", "a", "a.b", "a.b.c", "model", "model.name.x", "..."])
def test_odd_keys_of_set_are_faults(file: Path, key: str) -> None:
    (found,) = faults(file, "", {}, [(key, "1", f"--set {key}=1")])
    assert found.startswith(f"--set {key}=1: ")


@pytest.mark.parametrize("text", ["!!int ''", "\x01", "[" * 5000, "'", "&a [*a]", "{a: 1}", ""])
def test_odd_values_of_variables_are_faults(file: Path, text: str) -> None:
    (found,) = faults(file, "", {"POSE_EDGE_CAMERA__WIDTH": text})
    assert found.startswith("environment variable POSE_EDGE_CAMERA__WIDTH: camera.width: ")


# --- round trips ----------------------------------------------------------------------------------

TEXT = (
    st.one_of(
        st.text(min_size=1),
        st.text("on1e30x.-+: #'\"\n&*[]{}~!%@", min_size=1, max_size=8),
        st.sampled_from(
            ["1e3", "08", "0x1f", "on", "null", "true", "~", "=", "<<", "1:30", "- a", "é"]
        ),
    )
    .filter(lambda text: text.isprintable() or text.encode("utf-8", "replace").decode() == text)
    .filter(lambda text: "\0" not in text)
)


def value_of(details: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for the values that a setting accepts, given its JSON Schema."""
    options = details.get("anyOf", [details])
    strategies: list[st.SearchStrategy[Any]] = []
    for option in options:
        if "enum" in option:
            strategies.append(st.sampled_from(option["enum"]))
            continue
        match option["type"]:
            case "boolean":
                strategies.append(st.booleans())
            case "null":
                strategies.append(st.none())
            case "string":
                pattern = option.get("pattern")
                strategies.append(st.from_regex(pattern, fullmatch=True) if pattern else TEXT)
            case "integer":
                high = option.get("maximum", 10**9)
                strategies.append(st.integers(option["minimum"], high))
            case "number":
                low = option.get("minimum", option.get("exclusiveMinimum"))
                strategies.append(
                    st.floats(
                        low,
                        option.get("maximum", 1e300),
                        exclude_min="exclusiveMinimum" in option,
                    )
                )
    return st.one_of(strategies)


SCHEMA = Settings.model_json_schema()
ANY_SETTINGS = st.fixed_dictionaries(
    {
        section: st.fixed_dictionaries(
            {},
            optional={
                key: value_of(details)
                for key, details in SCHEMA["$defs"][info["$ref"].rsplit("/", 1)[1]][
                    "properties"
                ].items()
            },
        )
        for section, info in SCHEMA["properties"].items()
    }
).map(Settings.model_validate)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "config.yaml"


@hypothesis_settings(max_examples=150, deadline=None)
@given(ANY_SETTINGS)
def test_what_is_shown_is_read_again_as_the_same(scratch: Path, settings: Settings) -> None:
    text = render_config(settings)
    assert load(scratch, text) == settings
    for line in text.splitlines():
        assert line == "" or line.startswith("#") or re.match(r"(  )?\w+:", line)


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.text("amodel:{}[]&*!?|>-'\"\n 0.~#,%", max_size=60)))
def test_no_text_of_a_file_raises_anything_else(scratch: Path, text: str) -> None:
    scratch.write_text(text, encoding="utf-8", errors="surrogatepass")
    assert all(fault.startswith(str(scratch)) for fault in faults_of(scratch))


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_of_a_file_raise_anything_else(scratch: Path, content: bytes) -> None:
    scratch.write_bytes(content)
    faults_of(scratch)


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from([f"{name}.{key}" for name, section in Settings() for key, _ in section]),
    ),
    st.text(max_size=20),
)
def test_no_override_raises_anything_else(scratch: Path, key: str, text: str) -> None:
    scratch.write_text("")
    variable = "POSE_EDGE_" + key.replace(".", "__").upper()
    faults_of(scratch, {variable: text})
    faults_of(scratch, {}, [(key, text, "--set")])


def test_the_json_schema_accepts_the_defaults_and_refuses_what_is_wrong() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    validator.validate(Settings().model_dump(exclude={"testing"}))
    assert not validator.is_valid({"camera": {"fsp": 3}})
    assert not validator.is_valid({"camera": {"fps": 0}})


def test_choices_are_named_in_their_comments() -> None:
    preset = RecordSettings.model_fields["preset"]
    assert get_args(preset.annotation)
    for section, key in (("log", "level"), ("display", "kind")):
        info = type(getattr(Settings(), section)).model_fields[key]
        for choice in get_args(info.annotation):
            assert choice in (info.description or "")


# --- environment and command line -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("POSE_EDGE_CAMERA_FPS", "did you mean POSE_EDGE_CAMERA__FPS?"),
        ("POSE_EDGE_LOGLEVEL", "did you mean POSE_EDGE_LOG__LEVEL?"),
        ("POSE_EDGE_", "settings are POSE_EDGE_SECTION__KEY"),
        ("POSE_EDGE_TESTING", "settings are POSE_EDGE_SECTION__KEY"),
    ],
)
def test_a_variable_without_a_section_is_not_passed_over_in_silence(
    file: Path, variable: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(file, "", {variable: "12"}) == Settings()
    assert f"environment variable {variable} is ignored" in caplog.text
    assert says in caplog.text


def test_the_variable_of_the_broker_is_known(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load(file, "", {"POSE_EDGE_MQTT_PASSWORD": "secret"}) == Settings()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("section", "text"),
    [
        *((section, text) for section in ("web", "websocket", "metrics") for text in ("70000",)),
        *(("web", text) for text in ("0.0.0.0:65536", "[::]:99999", "-1", "")),
    ],
)
def test_ports_that_do_not_exist_are_refused(file: Path, section: str, text: str) -> None:
    (found,) = faults(file, f'{section}: {{listen: "{text}"}}\n')
    assert f"{section}.listen: '{text}' is not allowed here; allowed: [HOST:]PORT" in found


@pytest.mark.parametrize("text", ["0", "1", "65535", "0.0.0.0:8080", "[::1]:9090"])
def test_ports_that_exist_are_accepted(file: Path, text: str) -> None:
    assert load(file, f'web: {{listen: "{text}"}}\n').web.listen == text


@pytest.mark.parametrize("text", ["out.avi", "out", ".mp4", "folder.mp4/out", "-"])
def test_a_recording_that_is_no_mp4_is_refused(file: Path, text: str) -> None:
    (found,) = faults(file, f"record: {{path: {json.dumps(text)}}}\n")
    assert "record.path: " in found
    assert "allowed: an .mp4 file" in found


@pytest.mark.parametrize("text", ["out.mp4", "a/b.d/{time}.MP4", "{time}.mp4"])
def test_recordings_that_are_mp4_are_accepted(file: Path, text: str) -> None:
    assert load(file, f"record: {{path: {json.dumps(text)}}}\n").record.path == text


def test_there_are_no_more_faults_than_people_read(file: Path) -> None:
    text = "".join(f"key{number}: 1\n" for number in range(3000))
    found = faults(file, text)
    assert len(found) == MAX_FAULTS + 1
    assert found[-1] == f"and {3000 - MAX_FAULTS} more faults"


def test_a_fault_is_no_longer_than_people_read(file: Path) -> None:
    long = "x" * 20_000
    for text in (f"{long}: 1\n", f"source: {{name: [{long}, {long}]}}\n", f"camera: {long}\n"):
        (found,) = faults(file, text)
        assert len(found) <= MAX_LETTERS + 100


def test_aliases_that_multiply_are_refused_at_once(file: Path) -> None:
    laughs = ["a0: &a0 {x: 1, y: 2}"]
    laughs += [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 40)]
    (found,) = faults(file, "\n".join(laughs))
    assert "aliases" in found
    lists = ["a: &a0 [x, x]"] + [f"b{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 9)]
    assert max(map(len, faults(file, "\n".join(lists)))) < MAX_LETTERS


@pytest.mark.parametrize("key", ["source.name", "record.path", "poses.path"])
def test_names_of_files_need_not_be_utf_8(file: Path, key: str) -> None:
    settings = load(file, "", {}, [(key, "caf\udce9.mp4", "--x")])
    section, name = key.split(".")
    assert getattr(getattr(settings, section), name) == "caf\udce9.mp4"


def test_a_name_that_is_not_utf_8_is_said_to_be_so(file: Path) -> None:
    (found,) = faults(file, "", {}, [("model.name", "\udcff.tflite", "--model x")])
    assert "is not UTF-8; give the file another name" in found


def test_faults_come_in_the_order_of_their_places(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "model:\n  nam: foo\n  threads: many\ncamera:\n  width: wide\n  fps: 0\n"
        "modle: {name: x}\noverlay:\n  skeleton: yes\nmodel:\n  threads: 3\n"
    )
    environment = {"POSE_EDGE_CAMERA__HEIGHT": "x", "POSE_EDGE_A__B": "1"}
    options = [("z.z", "1", "--set z.z=1"), ("model.threads", "no", "--threads no")]
    with pytest.raises(ConfigError) as error:
        load_config(path, environment, options)
    places = [fault.partition(": ")[0] for fault in error.value.faults]
    assert places == [
        *(f"{path}:{line}" for line in (2, 5, 6, 7, 9, 10)),
        "environment variable POSE_EDGE_A__B",
        "environment variable POSE_EDGE_CAMERA__HEIGHT",
        "--set z.z=1",
        "--threads no",
    ]


def test_each_value_has_its_origin(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("camera:\n  width: 640\n  height: 480\nedgetpu: off\n")
    environment = {"POSE_EDGE_CAMERA__HEIGHT": "360"}
    options = [("model.threads", "2", "--threads 2")]
    settings, origins = load_with_origins(path, environment, options)
    assert (settings.camera.height, settings.edgetpu.mode) == (360, "off")
    assert {".".join(key): origin.text for key, origin in origins.items()} == {
        "camera.width": f"{path}:2",
        "camera.height": "environment variable POSE_EDGE_CAMERA__HEIGHT",
        "edgetpu.mode": f"{path}:4",
        "model.threads": "--threads 2",
    }


def test_the_header_of_what_is_shown_is_true() -> None:
    assert render_config(Settings()).startswith("# pose_edge: every setting, with its default.")
    other = Settings(model=ModelSettings(threads=1))
    assert render_config(other).startswith("# pose_edge: the settings in force.")
    words: dict[KeyPath, str] = {
        (section, key): "here" for section, values in other for key, _ in values
    }
    shown = render_config(other, words)
    assert "where each value comes from" in shown.partition("\n")[0]
    assert "  threads: 1                        # here\n" in shown
