from pathlib import Path

import pytest
from modelkit import files


def test_sha256_is_that_of_the_standard() -> None:
    assert files.sha256(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_other_bytes_are_refused_by_name() -> None:
    assert files.verified(b"abc", files.sha256(b"abc"), "a.bin") == b"abc"
    with pytest.raises(files.ChecksumError, match=r"a\.bin: sha256 is .*, expected 00"):
        files.verified(b"abc", "00", "a.bin")


def test_write_together_replaces_and_makes_folders(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "deep" / "b"
    first.write_bytes(b"old")
    files.write_together({first: b"new", second: b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"2")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "deep"]


def test_write_together_changes_nothing_when_one_file_cannot_be_written(tmp_path: Path) -> None:
    first = tmp_path / "a"
    first.write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        files.write_together({first: b"new", tmp_path / "file" / "b": b"2"})
    assert first.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "file"]
