"""Arrays of a store as xarray reads them. Only what needs xarray anyway imports this."""

from __future__ import annotations

from typing import Any

from xarray.backends import BackendArray
from xarray.core import indexing

__all__ = ["LazyArray", "lazy"]


class LazyArray(BackendArray):  # type: ignore[misc]  # xarray is an extra: its classes have no type here
    """An array that reads what square brackets name: integers, slices with positive strides, and one list.

    Args:
        array: With `shape` and `dtype`, such as a `StoredArray`.
    """

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self.array.__getitem__
        )


def lazy(array: Any) -> Any:
    """Return an array for a variable of xarray that is read when it is asked for, and not kept."""
    return indexing.LazilyIndexedArray(LazyArray(array))
