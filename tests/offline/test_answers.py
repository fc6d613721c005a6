from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.errors import OutputError
from pose_edge.offline.answers import Answers


@pytest.mark.parametrize(
    "content",
    [
        b"a letter\nto a friend\n",
        b"a letter without an end",
        b"\x89PNG\r\n\x1a\n\0\0",
        b'{"schema": 1}\n',
        b'{"key": "x"}\n',
        b"[]\n",
        b'"key"\n',
        b"\n",
        b'{"key": "x", "poses": [], "inference_ms": 1}\nbroken in the middle\n',
    ],
)
def test_another_file_given_by_mistake_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "precious.txt"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="is not a file of answers"):
        Answers(path)
    assert path.read_bytes() == content


def test_answers_can_be_kept_in_no_file_or_an_empty_one(tmp_path: Path) -> None:
    answer = {"poses": [], "inference_ms": 1.5}
    (tmp_path / "empty").touch()
    for path in (None, tmp_path / "empty", tmp_path / "new"):
        answers = Answers(path)
        assert answers.get("a") is None
        answers.put("a", answer)
        assert answers.get("a") == answer
        answers.close()
        if path is not None:
            again = Answers(path)
            assert again.get("a") == answer
            again.close()


def test_a_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "such" / "folder"):
        with pytest.raises(OutputError) as error:
            Answers(path)
        assert str(path) in str(error.value)


def test_two_programs_do_not_mix_their_answers(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    first = Answers(path)
    with pytest.raises(OutputError, match="another program is writing"):
        Answers(path)
    first.put("a", {"poses": [], "inference_ms": 1})
    first.close()
    again = Answers(path)
    assert again.get("a") == {"poses": [], "inference_ms": 1}
    again.close()
