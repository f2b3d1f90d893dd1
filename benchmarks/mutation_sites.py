"""What one small mistake makes of a source file: operators, comparisons, constants, bounds and terms, one at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["Mutation", "mutations"]

_Node: TypeAlias = ast.expr | ast.stmt

_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_CALLS: Final = {
    "min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor", "minimum": "maximum",
    "maximum": "minimum", "sin": "cos", "cos": "sin", "argmin": "argmax", "argmax": "argmin", "mean": "median",
    "median": "mean", "zeros": "ones", "ones": "zeros", "cumsum": "cumprod",
}  # fmt: skip
_DROPPED: Final = frozenset({"abs", "sqrt", "exp", "log", "sorted", "reversed", "square", "expm1", "log1p", "fabs"})
_TERMS: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_COMPILERS: Final = frozenset({"njit", "jit", "vectorize", "guvectorize", "compiled"})
_ASIDES: Final = frozenset({"strict", "repr", "indent", "stacklevel", "cache"})
"""Arguments by name that change nothing where all else is right."""

_FACTOR: Final = 1.25
"""A constant of physics that is wrong by as much is wrong."""


@dataclass(frozen=True)
class Mutation:
    """One mistake.

    Attributes:
        line: First line of what is changed, from 1.
        kind: "operator", "comparison", "boolean", "constant", "term", "bound", "call" or "statement".
        before: Source of the changed part.
        after: What takes its place.
        start: First byte of the part in the file.
        end: First byte behind it.
        kernel: Whether it lies in a function that is compiled: noticing it takes a compilation.
    """

    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int
    kernel: bool

    def applied(self, source: str) -> str:
        """The source with the mistake."""
        content = source.encode()
        return (content[: self.start] + self.after.encode() + content[self.end :]).decode()


def mutations(source: str) -> list[Mutation]:
    """Return all mistakes of a file, by place; none in annotations, docstrings, messages and what only types need."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    content = source.encode()
    found = []
    for node, kernel in _nodes(tree, False):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        before = content[start:end].decode()
        for kind, changed in _changes(node):
            after = ast.unparse(ast.fix_missing_locations(changed))
            if isinstance(node, ast.expr):
                after = f"({after})"  # whatever stands around it, in one line or in several
            found.append(Mutation(node.lineno, kind, before, after, start, end, kernel))
    return sorted(found, key=lambda mutation: (mutation.start, mutation.end, mutation.kind, mutation.after))


def _nodes(tree: ast.AST, kernel: bool) -> Iterator[tuple[_Node, bool]]:
    """Every expression and statement that a mistake may be made in, and whether it is compiled."""
    for node in _children(tree):
        if _is_left_alone(node):
            continue
        compiled = kernel or (isinstance(node, ast.FunctionDef) and any(map(_compiles, node.decorator_list)))
        if isinstance(node, (ast.expr, ast.stmt)):
            yield node, compiled
        yield from _nodes(node, compiled)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What a node consists of, without annotations and decorators."""
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list", "bases"):
            yield from (
                child for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)
            )


def _compiles(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name.lstrip("_") in _COMPILERS


def _is_left_alone(node: ast.AST) -> bool:
    """Words for people, what only type checkers read, and what holds for others than users."""
    if isinstance(node, ast.keyword) and node.arg in _ASIDES:
        return True
    if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Assert)):
        return True
    if isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
        return True
    if isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
    ):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant):
            return True
        return isinstance(node.value, ast.Call) and ast.unparse(node.value.func).startswith(("logger.", "warnings."))
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))


def _changes(node: _Node) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    elif isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[place] = _COMPARISONS[type(operator)]()
            yield "comparison", changed
    elif isinstance(node, ast.BoolOp):
        if any(map(_is_text, node.values)):
            return
        changed_bool = copy.deepcopy(node)
        changed_bool.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "boolean", changed_bool
        for place in range(len(node.values)):
            rest = [value for number, value in enumerate(node.values) if number != place]
            yield "term", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, ast.UAdd):
            yield "boolean" if isinstance(node.op, ast.Not) else "operator", node.operand
    elif isinstance(node, ast.Constant):
        yield from (("constant", ast.Constant(value)) for value in _other_constants(node.value))
    elif isinstance(node, ast.IfExp):
        yield "boolean", ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Subscript):
        yield from _of_subscript(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.AugAssign):
        if type(node.op) in _OPERATORS:
            yield "operator", ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
        yield "statement", ast.Pass()
    elif isinstance(node, ast.Continue):
        yield "statement", ast.Break()
    elif isinstance(node, ast.Break):
        yield "statement", ast.Continue()


def _of_operation(node: ast.BinOp) -> Iterator[tuple[str, ast.AST]]:
    if _is_text(node.left) or _is_text(node.right) or type(node.op) not in _OPERATORS:
        return
    yield "operator", ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    if isinstance(node.op, _TERMS):
        yield "term", node.left
        yield "term", ast.UnaryOp(ast.USub(), node.right) if isinstance(node.op, ast.Sub) else node.right


def _other_constants(value: object) -> list[int | float]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * _FACTOR, -value] if value else [1.0]
    return []


def _of_subscript(node: ast.Subscript) -> Iterator[tuple[str, ast.AST]]:
    """A slice that begins or ends one later."""
    if not isinstance(node.slice, ast.Slice):
        return
    for name in ("lower", "upper"):
        bound = getattr(node.slice, name)
        if bound is not None and not isinstance(bound, ast.Constant):  # constants have a change of their own
            changed = copy.deepcopy(node)
            setattr(changed.slice, name, ast.BinOp(bound, ast.Add(), ast.Constant(1)))
            yield "bound", changed


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if name in _CALLS:
        changed = copy.deepcopy(node)
        if isinstance(changed.func, ast.Attribute):
            changed.func.attr = _CALLS[name]
        else:
            changed.func = ast.Name(_CALLS[name])
        yield "call", changed
    if name in _DROPPED and len(node.args) == 1 and not node.keywords:
        yield "call", node.args[0]
    if name == "range" and node.args and not isinstance(node.args[-1], ast.Constant):
        bounds = copy.deepcopy(node)
        place = min(len(node.args), 2) - 1
        bounds.args[place] = ast.BinOp(node.args[place], ast.Sub(), ast.Constant(1))
        yield "bound", bounds
