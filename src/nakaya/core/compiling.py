"""A word before the first compilation, which else looks like a command that hangs."""

from __future__ import annotations

import logging

__all__ = ["announce_compilation"]

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
