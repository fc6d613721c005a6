"""The start of `pose-edge` with a Coral: what each mode does, and which model it uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from clips import demo_frames, write_clip
from command import read_lines
from coral_rig import CoralRig
from fake_sysfs import plug_pci_coral
from pose_truth import EDGETPU_MODEL, MODELS, check, goes_on, stretches
from shared import shared_dir

FETCH = "`pose-edge models fetch movenet-lightning-edgetpu`"
OFFICIAL = "movenet_single_pose_lightning_ptq_edgetpu.tflite"


# --- on -------------------------------------------------------------------------------------------


def test_on_uses_it_from_the_first_frame(coral: CoralRig) -> None:
    run = coral.start("on", "--set", "edgetpu.device=usb:0")
    run.wait_for("edgetpu", 20)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert coral.explained(run, failures=0, begins="edgetpu")
    assert [event.detail for event in coral.stand_in.events("create")] == ["device=usb:0"]
    assert "the Edge TPU is ready" in done.stderr
    assert str(coral.stand_in.library) in done.stderr


def refuse(coral: CoralRig) -> list[str]:
    coral.stand_in.tell("refuse")
    return coral.arguments("run", "on")


def not_plugged_in_there(coral: CoralRig) -> list[str]:
    return [*coral.arguments("run", "on"), "--set", "edgetpu.device=pci"]


def no_library(coral: CoralRig) -> list[str]:
    return coral.arguments("run", "on", library=coral.folder / "libedgetpu.so.1")


def no_real_library(coral: CoralRig) -> list[str]:
    library = coral.folder / "libedgetpu.so.1"
    library.write_text("hello, hello")
    return coral.arguments("run", "on", library=library)


def wrong_version(coral: CoralRig) -> list[str]:
    coral.stand_in.tell("crash")
    return coral.arguments("run", "on")


def no_permission(coral: CoralRig) -> list[str]:
    if os.geteuid() == 0:
        pytest.skip("root may open everything")
    coral.node.chmod(0)
    return coral.arguments("run", "on")


def no_pair(coral: CoralRig) -> list[str]:
    return [*coral.arguments("run", "on", model=None), "--model", "movenet-multipose-int8"]


def not_fetched(coral: CoralRig) -> list[str]:
    return [*coral.arguments("run", "on", model=None), "--model", "movenet-lightning"]


def not_compiled(coral: CoralRig) -> list[str]:
    return coral.arguments("run", "on", model="movenet-lightning-fp16")


def other_outputs(coral: CoralRig) -> list[str]:
    return [*coral.arguments("run", "on"), "--model", "movenet-multipose-int8"]


def official(coral: CoralRig) -> list[str]:
    """Use a real compiled model, which only a real Edge TPU can execute."""
    return coral.arguments("run", "on", model=shared_dir("models", OFFICIAL))


def official_without_a_coral(coral: CoralRig) -> list[str]:
    coral.unplug()
    return coral.arguments("run", "on", model=shared_dir("models", OFFICIAL))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (refuse, "opens no Edge TPU"),
        (not_plugged_in_there, "none is plugged in (edgetpu.device: pci)"),
        (no_library, "libedgetpu.so.1 is not installed"),
        (no_real_library, "libedgetpu.so.1 cannot be loaded"),
        (wrong_version, "SIGSEGV while it loaded: library and LiteRT do not match"),
        (no_permission, "may not open"),
        (no_pair, "no Edge TPU model goes with movenet-multipose-int8"),
        (not_fetched, FETCH),
        (not_compiled, "not compiled for the Edge TPU"),
        (other_outputs, "not go together"),
        (official, "cannot load"),
        (official_without_a_coral, "none is plugged in"),
    ],
)
def test_on_without_it_is_an_error(
    coral: CoralRig, fault: Callable[[CoralRig], list[str]], says: str
) -> None:
    arguments = fault(coral)
    old = [coral.folder / name for name in ("old.jsonl", "old.mp4")]
    for file in old:
        file.write_text("kept")
    done = coral.command(
        *(*arguments, "--source", "demo", "--display", "none", "--max-frames", "1"),
        *("--poses", old[0], "--record", old[1], "--force"),
        **coral.environment,
    )
    assert done.status == 3, done.stderr
    complaint = done.complaint()
    assert 1 <= len(complaint) <= 2, done.stderr
    assert says in " ".join(complaint)
    assert "Traceback" not in done.stderr
    assert "the CPU goes on" not in done.stderr
    assert done.stdout == ""
    assert [file.read_text() for file in old] == ["kept", "kept"]


# --- off ------------------------------------------------------------------------------------------


def test_off_touches_nothing(coral: CoralRig) -> None:
    run = coral.start("off")
    run.wait_for("cpu", 20)
    assert run.footprint().children == 0
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert stretches(run.lines) == [("cpu", len(run.lines))]
    assert coral.stand_in.events() == []
    assert "Edge TPU" not in done.stderr


def test_off_imports_nothing(coral: CoralRig) -> None:
    arguments = [
        *coral.arguments("run", "off"),
        *("--source", "demo", "--display", "none", "--max-frames", "2"),
    ]
    program = (
        "import json, sys; from pose_edge.cli.main import main; status = main(sys.argv[1:]); "
        "print(json.dumps([status, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **coral.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    status, modules = json.loads(done.stdout)
    assert status == 0
    assert "pose_edge.runtimes.litert" in modules
    unwanted = ("edgetpu", "pose_edge.runtimes.child", "multiprocessing", "pycoral")
    assert [name for name in modules if any(part in name for part in unwanted)] == []


def test_off_cannot_run_a_compiled_model(coral: CoralRig) -> None:
    for model in ("movenet-lightning-edgetpu", str(coral.model)):
        done = coral.command(
            *(*coral.arguments("run", "off"), "--source", "demo", "--model", model),
            **coral.environment,
        )
        assert done.status == 2, done.stderr
        (complaint,) = done.complaint()
        assert "edgetpu is off" in complaint


# --- auto -----------------------------------------------------------------------------------------


@pytest.mark.quiet
@pytest.mark.parametrize("name", ["movenet-lightning", "movenet-lightning-edgetpu"])
def test_auto_begins_on_the_cpu_and_changes_once_it_is_ready(coral: CoralRig, name: str) -> None:
    """Either name means the CPU's model together with its twin for the Edge TPU."""
    coral.stand_in.tell("accept create_ms=1000")  # during which the library holds the GIL
    run = coral.start(None, "--model", name)
    first = run.wait_for("cpu")
    run.wait_for("edgetpu", 10)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert coral.explained(run, failures=0)
    (accepted,) = coral.stand_in.events("accept")
    assert first.arrived < accepted.time_ns / 1e9
    assert goes_on(run.lines)
    shares = [sum(line.backend == backend for line in run.lines) for backend in MODELS]
    assert "by cpu: {}, edgetpu: {}".format(*shares) in done.stderr


@pytest.mark.parametrize("official", [False, True])
def test_auto_without_a_coral_says_nothing(coral: CoralRig, official: bool) -> None:
    coral.unplug()
    run = coral.start(None, model=shared_dir("models", OFFICIAL) if official else coral.model)
    run.wait_for("cpu", 45)  # long enough for several lookups, one each second
    assert run.footprint().children == 0
    done = run.stop()
    assert done.status == 0, done.stderr
    assert stretches(run.lines) == [("cpu", len(run.lines))]
    assert coral.stand_in.events() == []
    assert "Edge TPU" not in done.stderr


@pytest.mark.quiet
def test_auto_goes_on_where_the_library_crashes_or_refuses(coral: CoralRig) -> None:
    coral.stand_in.tell("crash", "refuse", "accept")
    run = coral.start("auto")
    run.wait_for_log("WARNING", "SIGSEGV", "the CPU goes on, trying again")
    run.wait_for_log("WARNING", "opens no Edge TPU", "the CPU goes on, trying again")
    run.wait_for("edgetpu", 5)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert coral.explained(run, failures=0)
    names = [event.name for event in coral.stand_in.events("crash", "refuse", "load")]
    assert names == ["crash", "refuse", "load"]
    assert goes_on(run.lines)


def test_auto_says_once_that_the_model_is_missing_and_how_to_get_it(coral: CoralRig) -> None:
    run = coral.start("auto", "--model", "movenet-lightning", model=None)
    run.wait_for_log("WARNING", "movenet-lightning-edgetpu is not here yet", FETCH)
    run.wait_for("cpu", 75)  # long enough for three attempts: two at once, one after 1 s
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert stretches(run.lines) == [("cpu", len(run.lines))]
    assert done.stderr.count(FETCH) == 1
    assert coral.stand_in.events() == []


# --- models ---------------------------------------------------------------------------------------


def test_the_official_model_is_taken_by_its_name(coral: CoralRig) -> None:
    """The stand-in cannot execute the model, but its attempt shows that the model was chosen."""
    place = coral.data / "pose-edge" / "models" / "movenet-lightning-edgetpu.tflite"
    place.parent.mkdir(parents=True)
    place.symlink_to(shared_dir("models", OFFICIAL))
    run = coral.start("auto", "--model", "movenet-lightning", model=None)
    run.wait_for_log("WARNING", "cannot load", str(place), "the CPU goes on")
    run.wait_for("cpu", 10)
    assert run.stop().status == 0
    check(run.lines, coral.truth)
    assert stretches(run.lines) == [("cpu", len(run.lines))]
    assert coral.stand_in.count("accept") >= 1


# --- pycoral --------------------------------------------------------------------------------------


def package(folder: Path, name: str, content: str) -> None:
    """Write a module of a package, and create its parent packages."""
    *parents, module = name.split(".")
    for depth in range(1, len(parents) + 1):
        parent = folder.joinpath(*parents[:depth])
        parent.mkdir(exist_ok=True)
        (parent / "__init__.py").touch()
    folder.joinpath(*parents, f"{module}.py").write_text(content)


GOOGLES_PYCORAL = '''
"""What pycoral 2.0 offers here, with its signatures."""

from pose_edge.runtimes.litert import import_runtime


def load_edgetpu_delegate(options=None):
    return import_runtime("load_delegate")[1]("libedgetpu.so.1", options or {})


def make_interpreter(model_path_or_content, device=None, delegate=None):
    assert isinstance(model_path_or_content, str)
    chosen = delegate or load_edgetpu_delegate({"device": device} if device else {})
    interpreter = import_runtime()[1]
    return interpreter(model_path=model_path_or_content, experimental_delegates=[chosen])
'''


def test_pycoral_of_google_is_used(coral: CoralRig) -> None:
    package(coral.folder, "pycoral.utils.edgetpu", GOOGLES_PYCORAL)
    run = coral.start(
        "on",
        library="libedgetpu.so.1",
        environment={
            "PYTHONPATH": str(coral.folder),
            "LD_LIBRARY_PATH": str(coral.stand_in.library.parent),
        },
    )
    run.wait_for("edgetpu", 5)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert "through pycoral" in done.stderr
    # For any device pycoral passes no option at all; the program itself passes `device=`.
    assert [event.detail for event in coral.stand_in.events("create")] == [""]


def test_another_pycoral_is_told_apart_and_left_alone(coral: CoralRig) -> None:
    imported = coral.folder / "imported"
    package(coral.folder, "pycoral.reef", "")
    (coral.folder / "pycoral" / "__init__.py").write_text(f"open({str(imported)!r}, 'w')\n")
    run = coral.start(
        "on",
        library="libedgetpu.so.1",
        environment={
            "PYTHONPATH": str(coral.folder),
            "LD_LIBRARY_PATH": str(coral.stand_in.library.parent),
        },
    )
    run.wait_for_log("pycoral", "not Google's")
    run.wait_for("edgetpu", 5)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert done.stderr.count("pycoral") == 1
    assert "through pycoral" not in done.stderr
    assert not imported.exists()
    assert [event.detail for event in coral.stand_in.events("create")] == ["device="]


# --- annotate -------------------------------------------------------------------------------------


def test_annotate_waits_for_it(coral: CoralRig) -> None:
    """It waits for the device at the start and for slow answers: no live picture would freeze."""
    coral.unplug()
    plug_pci_coral(coral.machine)
    coral.stand_in.tell("accept create_ms=500 slow_ms=300")
    clip = write_clip(coral.folder / "in.mp4", demo_frames(range(64, 69)))
    done = coral.command(
        *(*coral.arguments("annotate", "auto"), str(clip), "--poses", "out.jsonl"),
        *("--set", "edgetpu.device=pci:0"),
        **coral.environment,
    )
    assert done.status == 0, done.stderr
    lines = read_lines(coral.folder / "out.jsonl")
    assert [line["seq"] for line in lines] == list(range(5))
    assert {(line["backend"], line["model"]) for line in lines} == {("edgetpu", EDGETPU_MODEL)}
