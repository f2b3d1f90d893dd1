"""Mistakes in a package of a few lines: those that a test sees are noticed, the others are told as differences."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.mutation import Bench, Coverage, begin, mirrored_tests, sample_mutations, try_mutations
from benchmarks.mutation_sites import Mutation, mutations
from nakaya.core.errors import NakayaError, ParameterError

ROOT = Path(__file__).parents[2]
SECONDS = 600.0  # for other processes, on a busy machine

SOURCE = '''\
"""Areas: 1 + 1 here is no code."""

from typing import Literal

SIDES: Literal[4] = 4


def area(width: float, height: float) -> float:
    """Return width times height.

    >>> area(2, 3)
    6
    """
    if width < 0:
        raise ValueError(f"{width + 1}: 0 or more")
    return width * height


def untested(values):
    return values[1:] if len(values) > 3 else values[: len(values)]
'''

TEST = """\
from toy.shapes.area import area


def test_area():
    assert area(3, 5) == 15
    assert area(0, 5) == 0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name, text in {
        "src/toy/__init__.py": "",
        "src/toy/shapes/__init__.py": "",
        "src/toy/shapes/area.py": SOURCE,
        "tests/shapes/test_area.py": TEST,
        "tests/shapes/inner/test_deep.py": "def test_deep():\n    pass\n",
        "tests/shapes/test_other.py": "def test_other():\n    pass\n",
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--doctest-modules --import-mode=importlib"\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_every_mistake_is_another_program_and_none_is_in_words() -> None:
    found = mutations(SOURCE)
    assert {mutation.kind for mutation in found} >= {"operator", "comparison", "constant", "term", "bound", "boolean"}
    known = ast.dump(ast.parse(SOURCE))
    for mutation in found:
        assert ast.dump(ast.parse(mutation.applied(SOURCE))) != known
        assert SOURCE.splitlines()[mutation.line - 1].strip().startswith(("SIDES", "if width", "return"))
    assert {(mutation.before, mutation.after) for mutation in found} >= {
        ("4", "(5)"), ("width < 0", "(width <= 0)"), ("width * height", "(width / height)"),
        ("width * height", "(width)"), ("values[: len(values)]", "(values[:len(values) + 1])"), ("3", "(2)"),
    }  # fmt: skip
    assert not any("Literal" in mutation.before for mutation in found)


def test_what_is_compiled_is_known() -> None:
    source = "@njit(cache=True)\ndef kernel(a):\n    return a + 1\n\ndef plain(a):\n    return a + 1\n"
    assert {mutation.kernel for mutation in mutations(source) if mutation.line == 3} == {True}
    assert {mutation.kernel for mutation in mutations(source) if mutation.line == 6} == {False}


def test_the_tests_of_a_file_are_those_of_its_folder_and_first_those_that_name_it(checkout: Path) -> None:
    package, tests = checkout / "src" / "toy", checkout / "tests"
    names = [path.name for path in mirrored_tests(package / "shapes" / "area.py", package, tests)]
    assert names == ["test_area.py", "test_other.py", "test_deep.py"]
    (package / "other").mkdir()
    assert mirrored_tests(package / "other" / "none.py", package, tests) == []


def test_mistakes_are_noticed_or_told_and_a_search_goes_on(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package, out = checkout / "src" / "toy", tmp_path / "out"
    sample = sample_mutations(package, ("shapes",), 4, 0)
    assert len({mutation.line for _, mutation in sample}) == 4  # all lines with a place for a mistake
    assert sample == sample_mutations(package, ("shapes",), 4, 0)
    out.mkdir()
    first = try_mutations(checkout, package, begin(package, out, ("shapes",), 4, 0), out, limit=SECONDS, most=1)
    assert len(first.trials) == 1
    words = ["--checkout", str(checkout), "--name", "toy", "--room", "shapes", "--lines", "4", "--out", str(out)]
    words += ["--limit", str(SECONDS)]
    assert run(["mutation", *words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["trials"][0] == json.loads(json.dumps(first.trials[0].__dict__))  # not tried again
    outcomes = {SOURCE.splitlines()[trial["line"] - 1].split()[0]: trial for trial in report["trials"]}
    product = next(trial for trial in report["trials"] if "width" in trial["before"] and "*" in trial["before"])
    assert product["outcome"] == "noticed"
    assert outcomes["SIDES:"]["outcome"] == "unnoticed"
    assert "-SIDES: Literal[4] = 4\n+SIDES: Literal[4] = (" in outcomes["SIDES:"]["difference"]
    assert (package / "shapes" / "area.py").read_text() == SOURCE
    with pytest.raises(ParameterError, match="begun with another seed, lines"):
        begin(package, out, ("shapes",), 3, 1)


def test_the_tests_of_this_project_pass_in_a_copy_of_it() -> None:
    with Bench.of(ROOT, ROOT / "src" / "nakaya", SECONDS) as bench:
        assert bench.run(["tests/reactor/test_reactor_amounts.py"], processor_seconds=SECONDS)[0] == 0


def test_tests_that_fail_without_a_mistake_notice_nothing(checkout: Path, tmp_path: Path) -> None:
    package, out = checkout / "src" / "toy", tmp_path / "out"
    for test in (checkout / "tests").rglob("test_*.py"):
        test.write_text("def test_nothing():\n    assert False\n")
    with pytest.raises(NakayaError, match="without a mistake no test of tests/shapes passes: "):
        try_mutations(checkout, package, begin(package, out, ("shapes",), 4, 0), out, limit=SECONDS)


def test_tests_that_run_the_line_come_first_and_then_those_that_share_their_files() -> None:
    seconds = {"a.py::quick": 1.0, "a.py::slow": 4.0, "b.py::beside": 1.0, "c.py::near": 1.0, "d.py::far": 1.0}
    lines = {"area.py": {3: ["a.py::slow", "a.py::quick"], 4: ["c.py::near"]}}
    coverage = Coverage({**seconds, "a.py::other": 2.0}, {}, lines)
    runs = Mutation(3, "constant", "1", "(2)", 0, 1, kernel=False)
    assert coverage.chosen("area.py", runs, ["d.py"], 100.0) == [
        "a.py::quick", "a.py::slow", "a.py::other", "c.py::near", "d.py::far", "b.py::beside",
    ]  # fmt: skip
    assert coverage.chosen("area.py", runs, [], 5.5) == ["a.py::quick", "a.py::slow"]
    assert coverage.chosen("area.py", runs, [], 0.0) == ["a.py::quick"]  # one at least
    dear = Coverage(coverage.seconds, {"a.py": 5.0, "c.py": 1.0}, lines)  # what is set up is paid once for a file
    assert dear.chosen("area.py", runs, [], 10.0) == ["a.py::quick", "a.py::slow"]
    assert dear.chosen("area.py", runs, [], 14.0) == ["a.py::quick", "a.py::slow", "a.py::other", "c.py::near"]
    on_import = Mutation(1, "constant", "1", "(2)", 0, 1, kernel=False)
    assert set(coverage.chosen("area.py", on_import, ["c.py"], 6.0)) == {"c.py::near", "a.py::quick", "a.py::slow"}
    assert coverage.chosen("area.py", on_import, ["c.py"], 1.0) == ["c.py::near"]


def test_lines_are_those_that_each_test_runs_with_its_set_up(checkout: Path, tmp_path: Path) -> None:
    (checkout / "tests" / "shapes" / "test_other.py").write_text(
        "import pytest\nfrom toy.shapes.area import untested\n\n@pytest.fixture(scope='module')\n"
        "def long():\n    return untested([1, 2, 3, 4])\n\n"
        "def test_first(long):\n    assert long\n\ndef test_second(long):\n    assert len(long) == 3\n\n"
        "def test_that_fails():\n    assert not untested([])\n    assert False\n"
    )
    line = SOURCE.splitlines().index("    return values[1:] if len(values) > 3 else values[: len(values)]") + 1
    with Bench.of(checkout, checkout / "src" / "toy", SECONDS) as bench:
        seen = bench.coverage_of("shapes", tmp_path)
        assert bench.coverage_of("shapes", tmp_path) == seen  # from the file
    first, second = ("tests/shapes/test_other.py::test_first", "tests/shapes/test_other.py::test_second")
    assert seen.lines["area.py"][line] == [first]
    assert set(seen.seconds) == {
        "tests/shapes/test_area.py::test_area", "tests/shapes/inner/test_deep.py::test_deep", first, second
    }  # fmt: skip
    mistake = Mutation(line, "constant", "1", "(2)", 0, 1, kernel=False)
    assert seen.chosen("area.py", mistake, [], 600.0)[:2] == [first, second]
