"""Functions that run compiled alone, and a word before the first compilation, which else looks like hanging."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast, overload

__all__ = ["announce_compilation", "cached_njit", "digest_of_sources", "njit"]

Function = TypeVar("Function", bound=Callable[..., Any])

log = logging.getLogger(__name__)
"""The command line shows its messages; a program that imports nakaya decides for itself."""

_is_watched = False


def announce_compilation() -> None:
    """Log one line when numba first really compiles in this process, and nothing where its cache has the code.

    Numba keeps machine code in `__pycache__` beside the source, or, where that cannot be written, in the user's cache
    folder; NUMBA_CACHE_DIR names another place. Modules with compiled kernels call this once, when they are imported.
    """
    global _is_watched
    if _is_watched:
        return
    _is_watched = True
    from numba.core import event

    class FirstCompilation(event.Listener):  # type: ignore[misc]  # numba has no types
        """Speaks once; it stays registered, for numba walks over its listeners while it calls them."""

        has_spoken = False

        def on_start(self, started: event.Event) -> None:
            if not self.has_spoken:
                self.has_spoken = True
                log.info("compiling for this machine, which is done once and takes about 20 s")

        def on_end(self, ended: event.Event) -> None:
            """Asked for by numba; nothing is to be said."""

    event.register("numba:compile", FirstCompilation())


@overload
def njit(function: Function) -> Function: ...
@overload
def njit(**options: Any) -> Callable[[Function], Function]: ...
def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function that Python cannot run: `numba.njit`, also where NUMBA_DISABLE_JIT is set.

    That variable asks for Python in place of compiled code. Kernels that work on pointers and lanes have no meaning
    there; one warning says that it is left aside, and crystals are the same. Functions of others obey it as ever.

    Args:
        function: Arguments and result as numba infers them.
        options: Of `numba.njit`.
    """
    if function is None:
        return lambda decorated: njit(decorated, **options)
    import numba

    stated = numba.config.DISABLE_JIT
    if stated:
        _say_that_code_is_compiled()
    numba.config.DISABLE_JIT = 0
    try:
        return cast(Any, numba.njit(**options)(function))
    finally:
        numba.config.DISABLE_JIT = stated


def cached_njit(function: Function) -> Function:
    """Compile a function that runs without the interpreter's lock, and keep its machine code for later processes.

    Where numba finds no place to keep it, every process compiles.

    Args:
        function: Numba looks at its file alone for changes. Where it calls kernels of other files, it must read a
            captured variable that holds their `digest_of_sources`: captured values are part of numba's key.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no place to keep compiled code
        return njit(nogil=True)(function)


def digest_of_sources(*modules: ModuleType) -> str:
    """Return the sha256 of the source files of some modules, in hexadecimal."""
    digest = sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


@cache
def _say_that_code_is_compiled() -> None:
    if multiprocessing.parent_process() is None:  # the parent of a worker has said it
        log.warning("NUMBA_DISABLE_JIT is set, and left aside: this solver runs as compiled code alone")
