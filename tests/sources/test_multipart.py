from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.sources.multipart import MAX_HEADER, MAX_PART, MalformedStream, PartSplitter

CONTENT = b"\xff\xd8 a picture\r\n\r\nwith breaks -- and dashes \xff\xd9"


def coded(content: bytes, *, length: str | None, boundary: str = "--foo") -> bytes:
    """Return a part in the form that a server sends."""
    lines = [boundary, "Content-Type: image/jpeg"]
    lines += [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content + b"\r\n"


def split(data: bytes, size: int, boundary: str = "foo") -> list[bytes]:
    """Return the parts of a stream that arrives in pieces of `size` bytes."""
    splitter = PartSplitter(boundary)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return [part.rstrip(b"\r\n") for piece in pieces for part in splitter.feed(piece)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
@pytest.mark.parametrize("boundary", ["foo", "--foo", "'foo'", "other", ""])
@pytest.mark.parametrize("length", [str(len(CONTENT)), None, "\xb2", "-5", "+5", "", "many"])
def test_parts_are_the_same_however_they_arrive(size: int, boundary: str, length: str) -> None:
    data = coded(CONTENT, length=length) * 3 + b"--foo\r\n"
    assert split(data, size, boundary) == [CONTENT] * 3


@pytest.mark.parametrize("size", [1, 10_000])
def test_the_first_boundary_may_be_missing(size: int) -> None:
    first, other = coded(CONTENT, length=str(len(CONTENT))), b"--foo\r\n"
    assert split(first.removeprefix(other) + first * 2, size) == [CONTENT] * 3


def test_a_part_without_a_content_is_empty() -> None:
    data = coded(b"", length="0") + coded(CONTENT, length=str(len(CONTENT)))
    assert split(data, 5) == [b"", CONTENT]


@pytest.mark.parametrize("wrong", [1, 10])
def test_after_a_wrong_length_the_next_boundary_is_found(wrong: int) -> None:
    data = coded(b"x" * 40_000, length=str(wrong)) + coded(CONTENT, length=str(len(CONTENT)))
    assert split(data, 1000) == [b"x" * wrong, CONTENT]


def test_no_part_and_no_header_is_kept_without_an_end() -> None:
    splitter = PartSplitter("foo")
    with pytest.raises(MalformedStream, match="header has no end"):
        splitter.feed(b"--foo\r\nX: " + b"x" * (MAX_HEADER + 1))
    with pytest.raises(MalformedStream, match="larger than any picture"):
        PartSplitter("foo").feed(coded(b"", length=str(MAX_PART + 1)))
    splitter = PartSplitter("foo")
    splitter.feed(b"--foo\r\n\r\n")
    splitter.feed(bytes(MAX_PART))
    with pytest.raises(MalformedStream, match="no end after"):
        splitter.feed(b"x")


@given(st.lists(st.binary(max_size=200), max_size=10), st.text(max_size=5))
def test_any_bytes_are_parts_or_malformed(pieces: list[bytes], boundary: str) -> None:
    splitter = PartSplitter(boundary)
    for piece in pieces:
        splitter.feed(piece)
