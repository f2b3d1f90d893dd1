"""How large is the house? Lines of every room, and functions that are long without being a kernel."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import InputFileError

__all__ = ["house", "measure_house"]

ROOT: Final = Path(__file__).resolve().parents[1]
MAX_FUNCTION: Final = 80
"""Lines of a function, signature and docstring included; a longer one is to be parted."""

COMPILERS: Final = ("njit", "compiled", "intrinsic")
"""Parts of the names of what makes kernels; these may be long where cutting would hide the algorithm."""


def measure_house(checkout: Path) -> dict[str, Any]:
    """Count lines of Python, and find long functions of `src`.

    Returns:
        lines: of src, benchmarks and tests; kinds: of src, what its lines are; rooms: lines of every package of nakaya
        and of files beside them, largest first; largest_fraction: of the largest room; long_functions: file, name and
        lines of each that is no kernel.

    Raises:
        InputFileError: There is no `src/nakaya`.
    """
    package = checkout / "src" / "nakaya"
    if not package.is_dir():
        raise InputFileError(f"{checkout} is no checkout of nakaya: it has no src/nakaya")
    rooms: dict[str, int] = {}
    kinds: Counter[str] = Counter()
    long_functions = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        room = path.relative_to(package).parts[0]
        rooms[room] = rooms.get(room, 0) + len(text.splitlines())
        tree = ast.parse(text)
        kinds.update(_kinds(text.splitlines(), tree))
        for name, length in _functions(tree):
            if length > MAX_FUNCTION:
                long_functions.append({"file": str(path.relative_to(checkout)), "name": name, "lines": length})
    total = sum(rooms.values())
    others = {name: sum(_lines(path) for path in (checkout / name).rglob("*.py")) for name in ("benchmarks", "tests")}
    return {
        "lines": {"src": total, **others},
        "kinds": dict(kinds.most_common()),
        "rooms": dict(sorted(rooms.items(), key=lambda entry: -entry[1])),
        "largest_fraction": max(rooms.values()) / total,
        "long_functions": sorted(long_functions, key=lambda entry: -int(entry["lines"])),
    }


def _kinds(lines: list[str], tree: ast.AST) -> list[str]:
    """What each line of a file is."""
    kinds = ["code" if line.strip() else "blank" for line in lines]
    for node in ast.walk(tree):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            for statement in body if isinstance(body, list) else ():
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    kind = "import"
                elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    kind = "docstring"
                else:
                    continue
                for number in range(statement.lineno - 1, statement.end_lineno or statement.lineno):
                    kinds[number] = kind
    return [
        "comment" if line.lstrip().startswith("#") and kind == "code" else kind
        for line, kind in zip(lines, kinds, strict=True)
    ]


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and lines of every function that is no kernel, makes none, and lies in none."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if any(map(_compiles, ast.walk(node))):
                continue
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1
        yield from _functions(node)


def _compiles(node: ast.AST) -> bool:
    """Whether a decorator, or a call, makes a kernel."""
    makers = [node.func] if isinstance(node, ast.Call) else getattr(node, "decorator_list", [])
    return any(word in ast.unparse(maker) for maker in makers for word in COMPILERS)


def house(
    checkout: Annotated[Path, typer.Argument(help="Checkout of nakaya; this one by default.")] = ROOT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count the lines of every room, of studies and of tests, and functions above 80 lines that are no kernels.

    Example: python3 nk.py benchmark house
    """
    found = measure_house(checkout)
    if as_json:
        echo_json(found)
        return
    lines = found["lines"]
    typer.echo(", ".join(f"{name} {count:,}" for name, count in lines.items()) + " lines")
    typer.echo("src: " + ", ".join(f"{kind} {count:,}" for kind, count in found["kinds"].items()))
    for room, count in found["rooms"].items():
        typer.echo(f"{count:7,d} {count / lines['src']:6.1%}  {room}")
    typer.echo(f"largest room: {found['largest_fraction']:.1%} of src")
    typer.echo(f"functions above {MAX_FUNCTION} lines, kernels apart: {len(found['long_functions'])}")
    for entry in found["long_functions"]:
        typer.echo(f"{entry['lines']:7d}  {entry['name']} in {entry['file']}")
