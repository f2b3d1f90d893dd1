"""Typed doors to numba: what is decorated keeps its signature for the reader and the type checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.extending import register_jitable

from nakaya.core.compiling import announce_compilation

__all__ = ["compiled", "rule"]

Function = TypeVar("Function", bound=Callable[..., Any])

announce_compilation()


def compiled(function: Function) -> Function:
    """Compile on first call; the machine code is kept beside the source, so later processes start at once."""
    return cast(Function, numba.njit(cache=True)(function))


def rule(function: Function) -> Function:
    """Leave a function as it is for Python, and let compiled functions call it."""
    return cast(Function, register_jitable(function))
