"""The sizes of a house that is known, and the files that take part in a walk through a stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import walk as walks
from benchmarks.__main__ import run
from benchmarks.house import MAX_FUNCTION, measure_house
from benchmarks.walk import files_that_run
from nakaya.core.errors import InputFileError, NakayaError

LONG = "    pass\n" * MAX_FUNCTION

SOURCES = {
    "__init__.py": "",
    "__main__.py": "import sys\nfrom nakaya.used import go\nsys.exit(go(sys.argv[1:]))\n",
    "used.py": "from nakaya.room import told, imported\n\ndef go(words):\n    return told.tell(words)\n",
    "room/__init__.py": "",
    "room/told.py": "import threading\n\ndef tell(words):\n"
    "    def work():\n        from nakaya.room.thread import work\n        work()\n"
    "    one = threading.Thread(target=work)\n    one.start()\n    one.join()\n"
    "    return 3 if words == ['fail'] else 0\n",
    "room/thread.py": "def work():\n    pass\n",
    "room/imported.py": "class Kind:\n    names = [word for word in 'ab']\n\ndef never():\n    pass\n",
}  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        file = tmp_path / "src" / "nakaya" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_lines_are_counted_by_room_and_kernels_may_be_long(checkout: Path) -> None:
    lengthy = checkout / "src" / "nakaya" / "lengthy"
    lengthy.mkdir()
    (lengthy / "a.py").write_text(f"def short():\n{LONG[: -len('    pass') - 1]}def long():\n{LONG}")
    (lengthy / "b.py").write_text(
        f"@njit(cache=True)\ndef kernel():\n{LONG}\ndef made():\n{LONG}    return njit(kernel)\n"
    )
    (checkout / "tests").mkdir()
    (checkout / "tests" / "test_a.py").write_text("one\ntwo\n")
    found = measure_house(checkout)
    assert found["long_functions"] == [
        {"file": str(Path("src") / "nakaya" / "lengthy" / "a.py"), "name": "long", "lines": MAX_FUNCTION + 1}
    ]
    assert found["lines"]["tests"] == 2
    assert found["lines"]["src"] == sum(found["rooms"].values()) == sum(found["kinds"].values())
    assert next(iter(found["rooms"])) == "lengthy"
    assert found["largest_fraction"] == found["rooms"]["lengthy"] / found["lines"]["src"]
    with pytest.raises(InputFileError, match="no checkout"):
        measure_house(checkout / "tests")


def test_lines_are_told_apart(tmp_path: Path) -> None:
    text = '"""One\n\ntwo."""\n\nimport sys\nif sys:\n    from a import (\n        b,\n    )\n# why\nx = 1  # c\n'
    (tmp_path / "src" / "nakaya").mkdir(parents=True)
    (tmp_path / "src" / "nakaya" / "a.py").write_text(text)
    assert measure_house(tmp_path)["kinds"] == {"import": 4, "docstring": 3, "code": 2, "comment": 1, "blank": 1}


def test_a_file_takes_part_where_a_function_of_it_runs(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "WALKS", {"one": ("grow",), "two": ("grow", "fail")})
    with pytest.raises(NakayaError, match="nakaya fail of .* ends with status 3"):
        files_that_run(checkout)
    monkeypatch.setattr(walks, "WALKS", {"one": ("grow",)})
    thread = str(Path("room") / "thread.py")
    assert files_that_run(checkout) == {"one": [thread, str(Path("room") / "told.py"), "used.py"]}


def test_walks_through_two_checkouts_are_compared(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(walks, "WALKS", {"one": ("--version",)})
    assert run(["walk", "--against", str(checkout), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["walks"]
    assert row["against"] == 3
    assert row["count"] == len(row["files"]) == 3 * row["ratio"] > 3
    assert any(name.startswith("cli") for name in row["files"])
