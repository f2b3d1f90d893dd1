"""How much memory Python and NumPy took for something: of this call alone, whatever ran before."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["traced_memory_below"]


@contextmanager
def traced_memory_below(limit: int) -> Iterator[None]:
    """Fail where the body takes `limit` bytes or more at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak} bytes, less than {limit} expected"
