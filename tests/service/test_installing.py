from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from made_up_machine import MadeUp, PowerCut, answer

from pose_edge.config.load import load_config
from pose_edge.config.schema import Settings, SourceSettings
from pose_edge.errors import UnavailableError
from pose_edge.service import InstallOptions, Places, ServiceError, install, uninstall
from pose_edge.service.configuration import service_config
from pose_edge.service.origin import Origin
from pose_edge.service.places import load_record
from pose_edge.util import resources


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip fsync to save time; test_atomic.py checks that the program calls it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    return MadeUp(tmp_path / "machine")


def put(made_up: MadeUp, **options: object) -> None:
    assert install(made_up.machine(), made_up.places, made_up.options(**options)) is None  # type: ignore[arg-type]


def test_everything_is_put_in_its_place(made_up: MadeUp) -> None:
    put(made_up)
    places = made_up.places
    assert places.current.readlink() == Path("versions/0.1.0-1")
    assert places.command.readlink() == places.current / "bin/pose-edge"
    assert f"ExecStart={places.prefix}/current/bin/pose-edge run" in places.unit.read_text()
    assert places.rules.read_text() == resources.udev_rules().read_text()
    assert places.sysusers.read_text() == resources.service_user().read_text()
    assert not places.default_config.exists()
    load_config(places.config, {})
    changes = made_up.changes()
    folder = "/opt/pose-edge/versions/0.1.0-1"
    assert changes[:1] == [f"/usr/bin/python3 -m venv {folder}"]
    assert changes[1].startswith(f"{folder}/bin/python -m pip install --no-input --no-cache-dir")
    assert changes[2:] == [
        f"{folder}/bin/pose-edge --version",
        "sync",
        "systemd-sysusers /etc/sysusers.d/pose-edge.conf",
        f"{folder}/bin/pose-edge config check --config /etc/pose-edge/config.yaml",
        "udevadm control --reload",
        "udevadm trigger --subsystem-match=usb --subsystem-match=apex",
        "systemctl daemon-reload",
        "systemctl enable --quiet pose-edge.service",
        "systemctl restart pose-edge.service",
    ]
    titles = [line for line in made_up.lines if line[0].isdigit()]
    assert [title.split()[0] for title in titles] == [f"{n}/8" for n in range(1, 9)]


def test_the_record_says_it_all(made_up: MadeUp) -> None:
    before = set(made_up.files())
    put(made_up)
    record = load_record(made_up.places.record)
    assert record is not None
    assert (record.version, record.prefix) == ("0.1.0", str(made_up.places.prefix))
    assert record.user
    assert record.groups == ["render"], "the one that was missing"
    new = {made_up.places.root / name for name in set(made_up.files()) - before}
    listed = {Path(name) for name in record.files}
    of_the_program = {path for path in new if path.is_relative_to(made_up.places.prefix)}
    of_the_config = {path for path in new if path.is_relative_to(made_up.places.config.parent)}
    files = {path for path in new - of_the_program - of_the_config if not path.is_dir()}
    assert files == listed


def test_nothing_is_left_of_it(made_up: MadeUp) -> None:
    before = made_up.files()
    put(made_up)
    assert uninstall(made_up.machine(), made_up.places, purge=True)
    left = {name: what for name, what in made_up.files().items() if before.get(name) != what}
    assert left == {}
    assert made_up.changes()[-8:] == [
        "systemctl disable --quiet pose-edge.service",
        "systemctl stop pose-edge.service",
        "systemctl daemon-reload",
        "systemctl reset-failed pose-edge.service",
        "systemctl start getty@tty1.service",
        "udevadm control --reload",
        "userdel pose-edge",
        "groupdel render",
    ]
    assert not uninstall(made_up.machine(), made_up.places, purge=True)


def test_again_is_an_upgrade(made_up: MadeUp) -> None:
    put(made_up)
    first = made_up.files()
    made_up.commands.clear()
    put(made_up)
    assert "systemctl restart pose-edge.service" in made_up.commands
    second = made_up.files()
    changed = {
        name
        for name in first | second
        if first.get(name) != second.get(name) and not name.startswith("opt/pose-edge/versions/")
    }
    assert changed == {"opt/pose-edge/current"}
    put(made_up, version="0.2.0")
    assert [path.name for path in made_up.places.versions.iterdir()] == ["0.2.0-1"]
    assert json.loads(made_up.places.record.read_text())["version"] == "0.2.0"


def test_an_edited_configuration_stays(made_up: MadeUp) -> None:
    put(made_up)
    places = made_up.places
    mine = places.config.read_text() + "# mine\n"
    places.config.write_text(mine)
    put(made_up)
    assert places.config.read_text() == mine
    assert places.default_config.read_text() == service_config(Settings())
    assert any("edited" in line for line in made_up.lines)
    places.config.write_text(places.default_config.read_text())  # the user adopts it
    put(made_up)
    assert not places.default_config.exists()


def test_one_that_nobody_edited_follows_the_version(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr("pose_edge.service.configuration.HEADER", "# an older version\n")
        put(made_up)
        assert made_up.places.config.read_text().startswith("# an older version\n")
    put(made_up)
    assert made_up.places.config.read_text() == service_config(Settings())


def test_settings_to_begin_with_count_as_edited(made_up: MadeUp) -> None:
    mine = Settings(source=SourceSettings(name="/dev/video7"))
    put(made_up, settings=mine)
    assert yaml.safe_load(made_up.places.config.read_text())["source"]["name"] == "/dev/video7"
    put(made_up)
    assert yaml.safe_load(made_up.places.config.read_text())["source"]["name"] == "/dev/video7"


def test_a_faulty_configuration_stops_it_before_the_switch(made_up: MadeUp) -> None:
    put(made_up)
    running = made_up.places.current.readlink()
    made_up.commands.clear()
    made_up.answers["config check"] = answer(2, "", "pose-edge: config.yaml:3: a fault")
    with pytest.raises(ServiceError) as raised:
        put(made_up, version="0.2.0")
    assert "step 3" in str(raised.value)
    assert "config.yaml:3: a fault" in str(raised.value)
    assert "done before that: 1" in str(raised.value)
    assert made_up.places.current.readlink() == running
    assert [path.name for path in made_up.places.versions.iterdir()] == [running.name]
    assert not any("systemctl" in command for command in made_up.commands)


def test_a_program_that_cannot_be_had_leaves_the_old_one(made_up: MadeUp) -> None:
    put(made_up)
    before = made_up.files()
    made_up.fail = "pip install"
    with pytest.raises(ServiceError, match=r"pip install.*failed:\na reason"):
        put(made_up, version="0.2.0")
    assert made_up.files() == before


def test_without_a_python_it_says_what_to_install(made_up: MadeUp) -> None:
    made_up.answers["-c"] = answer(
        1, "", "Traceback\nModuleNotFoundError: No module named 'ensurepip'"
    )
    with pytest.raises(UnavailableError, match="sudo apt-get install python3 python3-venv"):
        put(made_up)


def test_power_may_fail_at_any_moment(tmp_path: Path) -> None:
    whole = MadeUp(tmp_path / "whole")
    put(whole)
    total = len(whole.commands)
    for moment in range(total):
        made_up = MadeUp(tmp_path / str(moment))
        before = made_up.files()
        made_up.cut_after = moment
        with pytest.raises(PowerCut):
            put(made_up)
        made_up.power_on()
        if moment % 2:  # either uninstall ...
            if uninstall(made_up.machine(), made_up.places, purge=True):
                assert made_up.files() == before
        else:  # ... or install again
            put(made_up)
            again = {
                name.replace("0.1.0-2", "0.1.0-1"): what for name, what in made_up.files().items()
            }
            expected = whole.files()
            assert again.keys() == expected.keys()


def test_an_upgrade_never_leaves_a_link_to_nowhere(tmp_path: Path) -> None:
    moment = 0
    while True:
        made_up = MadeUp(tmp_path / str(moment))
        put(made_up)
        made_up.commands.clear()
        made_up.cut_after = moment
        try:
            put(made_up, version="0.2.0")
        except PowerCut:
            made_up.power_on()
            assert (made_up.places.current / "bin/pose-edge").is_file()
            moment += 1
        else:
            break
    assert moment > 5


def test_dry_changes_nothing_and_says_all(made_up: MadeUp) -> None:
    before = made_up.files()
    install(made_up.machine(dry=True), made_up.places, made_up.options())
    assert made_up.files() == before
    assert made_up.changes() == []
    text = "\n".join(made_up.lines)
    for path in (made_up.places.unit, made_up.places.config, made_up.places.current):
        assert f"{path}" in text
    assert "would run: systemctl restart pose-edge.service" in text
    put(made_up)
    before = made_up.files()
    uninstall(made_up.machine(dry=True), made_up.places, purge=True)
    assert made_up.files() == before


def test_in_an_image_nothing_is_started(tmp_path: Path) -> None:
    made_up = MadeUp(tmp_path / "image", running=False)
    put(made_up)
    assert [one for one in made_up.changes() if "systemctl" in one or "udevadm" in one] == [
        "systemctl enable --quiet pose-edge.service"
    ]
    assert any("starts at power-on" in line for line in made_up.lines)


def test_not_started_when_not_wanted(made_up: MadeUp) -> None:
    put(made_up, start=False)
    assert "systemctl restart pose-edge.service" not in made_up.commands


def test_a_desktop_is_a_reason_to_warn(made_up: MadeUp) -> None:
    link = made_up.places.root / "etc/systemd/system/display-manager.service"
    link.parent.mkdir(parents=True)
    link.touch()
    put(made_up)
    assert any("a desktop uses the screen" in line for line in made_up.lines)


def test_somebody_elses_folder_is_left_alone(made_up: MadeUp) -> None:
    (made_up.places.prefix / "lib").mkdir(parents=True)
    with pytest.raises(ServiceError, match=r"in use for something else \(lib\)"):
        put(made_up)


def test_somebody_elses_command_is_left_alone(made_up: MadeUp) -> None:
    made_up.places.command.write_text("mine")
    put(made_up)
    assert made_up.places.command.read_text() == "mine"
    uninstall(made_up.machine(), made_up.places, purge=True)
    assert made_up.places.command.read_text() == "mine"


def test_it_does_not_move_by_itself(made_up: MadeUp) -> None:
    put(made_up)
    elsewhere = Places(made_up.places.root / "srv/pose", made_up.places.root)
    with pytest.raises(ServiceError, match="is installed in"):
        install(made_up.machine(), elsewhere, made_up.options())


def test_extras_are_remembered(made_up: MadeUp) -> None:
    put(made_up, extras=("edgetpu",))
    put(made_up)
    put(made_up, extras=("web", "edgetpu"))
    installs = [command for command in made_up.commands if "pip install" in command]
    assert [command[command.rindex("[") :] for command in installs] == [
        *("[edgetpu]", "[edgetpu]", "[edgetpu,web]")
    ]


def test_without_a_network(made_up: MadeUp, tmp_path: Path) -> None:
    put(made_up, find_links=tmp_path)
    (pip,) = [command for command in made_up.commands if "pip install" in command]
    assert f"--no-index --find-links {tmp_path}" in pip


def test_picamera2_of_the_system_is_seen(made_up: MadeUp) -> None:
    (made_up.places.root / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)
    put(made_up)
    assert made_up.changes()[0].startswith("/usr/bin/python3 -m venv --system-site-packages ")


def test_a_wheel_does_the_rest_itself(made_up: MadeUp, tmp_path: Path) -> None:
    wheel = Origin("wheel", tmp_path / "pose_edge-0.2.0-py3-none-any.whl", "0.2.0")
    settings = Settings()
    environment = install(made_up.machine(), made_up.places, InstallOptions(wheel, settings))
    assert environment == made_up.places.versions / "0.2.0-1"
    assert not made_up.places.unit.exists()
    new = Origin("installed", environment, "0.2.0")
    made_up.commands.clear()
    put(made_up, origin=new, prepared=environment)
    assert made_up.places.current.readlink() == Path("versions/0.2.0-1")
    assert not any("venv" in command for command in made_up.commands)


def test_recordings_and_configuration_outlive_it(made_up: MadeUp) -> None:
    put(made_up)
    recording = made_up.places.state / "a.mp4"
    recording.parent.mkdir()
    recording.write_text("video")
    uninstall(made_up.machine(), made_up.places)
    assert recording.exists()
    assert made_up.places.config.exists()
    assert "pose-edge" in (made_up.places.root / "etc/passwd").read_text(), "it owns them"
    assert not made_up.places.prefix.exists()
    assert not made_up.places.unit.exists()
    uninstall(made_up.machine(), made_up.places, purge=True)
    assert not made_up.places.state.exists()
    assert not made_up.places.config.parent.exists()
    assert "pose-edge" not in (made_up.places.root / "etc/passwd").read_text()


def test_a_user_who_was_there_before_stays(made_up: MadeUp) -> None:
    passwd = made_up.places.root / "etc/passwd"
    passwd.write_text(passwd.read_text() + "pose-edge:x:500:500::/:/bin/sh\n")
    put(made_up)
    uninstall(made_up.machine(), made_up.places, purge=True)
    assert "pose-edge:x:500" in passwd.read_text()


def test_changes_by_the_administrator_stay(made_up: MadeUp) -> None:
    put(made_up)
    changes = made_up.places.unit.with_name("pose-edge.service.d") / "override.conf"
    changes.parent.mkdir()
    changes.write_text("[Service]\nNice=5\n")
    uninstall(made_up.machine(), made_up.places)
    assert changes.exists()
    uninstall(made_up.machine(), made_up.places, purge=True)
    assert not changes.exists()


@pytest.mark.parametrize("content", ["", "{}", '{"schema": 2}', '{"schema": 1, "x": 1}', "[1]"])
def test_a_record_that_cannot_be_read_is_told(made_up: MadeUp, content: str) -> None:
    made_up.places.record.parent.mkdir(parents=True)
    made_up.places.record.write_text(content)
    with pytest.raises(ServiceError, match="not a list of installed files"):
        put(made_up)


def test_what_came_after_it_is_left_alone(made_up: MadeUp) -> None:
    put(made_up)
    (made_up.places.prefix / "notes").write_text("mine")
    uninstall(made_up.machine(), made_up.places)
    assert (made_up.places.prefix / "notes").read_text() == "mine"
    (made_up.places.versions / "mine").mkdir(parents=True)
    uninstall(made_up.machine(), made_up.places, purge=True)
    assert (made_up.places.versions / "mine").is_dir()


SECRET = Settings(source=SourceSettings(name="rtsp://me:s3cret@camera/x"))


def given_to(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Replace os.chown, and return a dict in which it records each file name's group."""
    found: dict[str, int] = {}
    monkeypatch.setattr(
        os, "chown", lambda path, user, group: found.update({Path(path).name: group})
    )
    return found


def test_a_configuration_with_a_password_is_for_the_service_alone(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = made_up.places.root / "etc/group"
    group.write_text(group.read_text() + "pose-edge:x:777:\n")
    groups = given_to(monkeypatch)
    put(made_up)
    assert made_up.places.config.stat().st_mode & 0o777 == 0o644
    assert groups == {"web-token": 777}
    put(made_up, settings=SECRET)
    assert made_up.places.config.stat().st_mode & 0o777 == 0o640
    assert groups == {"config.yaml": 777, "web-token": 777}
    assert made_up.places.default_config.stat().st_mode & 0o777 == 0o644


def test_so_is_one_into_which_somebody_wrote_it(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = given_to(monkeypatch)
    put(made_up)
    made_up.places.config.write_text("source: {name: 'rtsp://me:a s3cret@camera/x'}\n")
    put(made_up)
    assert made_up.places.config.stat().st_mode & 0o777 == 0o640
    assert groups == {"config.yaml": 0}, "there is no group of the service here"


def test_the_page_has_a_token_that_only_the_service_reads(made_up: MadeUp) -> None:
    put(made_up)
    token = made_up.places.token
    text = token.read_text(encoding="ascii")
    assert len(text.strip()) == 16
    assert token.stat().st_mode & 0o777 == 0o640
    settings = load_config(made_up.places.config, {})
    assert settings.web.token_file == "/etc/pose-edge/web-token"
    put(made_up)
    assert token.read_text(encoding="ascii") == text, "an upgrade logs nobody out"
    uninstall(made_up.machine(), made_up.places)
    assert token.exists()
    uninstall(made_up.machine(), made_up.places, purge=True)
    assert not token.exists()
