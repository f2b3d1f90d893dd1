"""No reader lets another error out than ours: a few inputs of each; `python3 nk.py benchmark fuzz` tries many."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from random import Random

import pytest

from benchmarks import fuzz as fuzzing
from benchmarks.__main__ import run
from benchmarks.fuzz import attempt, fuzz_inputs, fuzz_reader, make_input
from benchmarks.fuzz_changes import KINDS, changed
from benchmarks.fuzz_readers import Files, Reader
from nakaya.core.errors import FormatError, ParameterError

SEED = 1
FAST: dict[str, int] = {
    "trajectory": 30, "trajectory-packed": 20, "lammps-log": 30, "md-plan": 30, "image": 30, "tiff": 30, "mask": 30,
    "ang": 8, "ctf": 8, "reactor-log": 20, "reactor-reports": 30, "sweep": 30, "training": 20, "study": 30,
    "records": 10, "patches": 20, "store": 8, "checkpoint": 30, "score-table": 20, "marker": 20,
}  # fmt: skip
"""Reader that is fast at once -> inputs. All together take seconds."""


def sound_text() -> list[Files]:
    return [{"number.txt": b"12\n"}]


def read_number(folder: Path) -> int:
    text = (folder / "number.txt").read_bytes().decode("latin1").strip()
    if not text.isascii():
        raise FormatError("no number")
    return 1 // (1 if text == "12" else len(text))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader that divides by zero where the file is empty, and takes everything for a number."""
    reader = Reader(sound_text, read_number)
    monkeypatch.setattr(fuzzing, "READERS", {"toy": reader})
    fuzzing._sound.cache_clear()
    return reader


@pytest.mark.parametrize("name", FAST)
def test_broken_files_are_read_or_refused(name: str) -> None:
    pytest.importorskip("torch", reason='networks need the extra "ml"')
    pytest.importorskip("tifffile", reason='TIFF needs the extra "microscopy"')
    found = fuzz_inputs(name, SEED, range(FAST[name]))
    assert not found.faults
    assert found.read + found.refused == FAST[name]
    assert found.refused > 0


@pytest.mark.parametrize("kind", sorted({*KINDS.values(), "bytes"}))
def test_a_change_follows_from_its_seed_and_bears_any_content(kind: str) -> None:
    for content in (b"", b"\0", b"{}", b'[1, {"a": [2]}]', b"a = 1\nb = [1, 'x']\n", b"\x89PNG\r\n\x1a\n" + bytes(40)):
        for seed in range(60):
            assert changed(content, kind, Random(seed)) == changed(content, kind, Random(seed))


def test_a_foreign_exception_is_a_fault_with_its_inputs(toy: Reader) -> None:
    found = fuzz_inputs("toy", 3, range(300))
    assert found.read + found.refused + found.foreign == 300
    assert min(found.read, found.refused, found.foreign) > 0
    (fault,) = found.faults.values()
    assert (fault.error, fault.count) == ("ZeroDivisionError", found.foreign)
    assert make_input(toy, sound_text(), "toy", 3, fault.inputs[0])["number.txt"].strip() == b""


@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="the timer is POSIX")
def test_a_reader_that_hangs_is_stopped(tmp_path: Path) -> None:
    def think(_: Path) -> None:
        while True:
            pass

    outcome = attempt(Reader(list, think), {}, tmp_path, seconds=0.05)
    assert not isinstance(outcome, str)
    assert outcome.error == "too long"


def test_findings_are_kept_and_a_search_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = fuzz_reader("marker", 5, tmp_path, inputs=40, seconds=60)
    assert first.inputs == first.read + first.refused + first.foreign == 40
    begun = json.loads((tmp_path / "marker.json").read_bytes())
    assert begun["inputs"] == 40
    status = run(["fuzz", "marker", "--out", str(tmp_path), "--seed", "5", "--inputs", "60", "--json"])
    assert status == (1 if first.foreign else 0)
    (told,) = json.loads(capsys.readouterr().out)["readers"]
    assert told["inputs"] == 60
    assert told["refused"] >= first.refused
    assert fuzz_inputs("marker", 5, range(60)).refused == told["refused"]  # as if it had not been stopped
    with pytest.raises(ParameterError, match="begun with seed 5, not 6"):
        fuzz_reader("marker", 6, tmp_path, inputs=1, seconds=1)
