import count_instructions
import pytest
from aarch64.processor import PI_4, PI_5
from count_instructions import parse, table

LIGHTNING = "movenet-lightning-int8"

WRITTEN = """\
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
executed 5
input 192 160
executed 1000
executed 1300
executed 1601
input 256 128
executed 9000
executed 9500
"""


def test_a_run_is_what_was_executed_since_the_mark_before() -> None:
    assert parse(WRITTEN) == {(192, 160): [300, 301], (256, 128): [500]}


def test_without_a_graph_there_are_no_sizes() -> None:
    assert parse("executed 5\nTraceback ...\n") == {}


def test_the_table_compares_with_lightning() -> None:
    counts = {
        (LIGHTNING, (192, 192)): {PI_4.name: 200_000_000, PI_5.name: 80_400_000},
        ("other", (256, 128)): {PI_4.name: 500_000_000, PI_5.name: 40_200_000},
    }
    assert table(counts).splitlines()[2:] == [
        f"| `{LIGHTNING}` | 192 x 192 | 200 | 1.00 | 80 | 1.00 |",
        "| `other` | 256 x 128 | 500 | 2.50 | 40 | 0.50 |",
    ]


def test_without_lightning_there_is_nothing_to_compare_with() -> None:
    counts = {("other", (256, 128)): {PI_4.name: 500_000_000, PI_5.name: 40_000_000}}
    assert table(counts).splitlines()[2:] == ["| `other` | 256 x 128 | 500 | - | 40 | - |"]


def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(count_instructions, "EMULATOR", "no-such-emulator")
    assert count_instructions.main([]) == 3
    assert capsys.readouterr().err == "not installed: qemu-user\n"
