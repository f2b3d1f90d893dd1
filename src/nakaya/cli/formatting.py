"""Words of the command line that stand for more than one value."""

from __future__ import annotations

__all__ = ["split_names"]


def split_names(text: str | None) -> list[str] | None:
    """Return the names that commas part, without the spaces around them; None stays None.

    >>> split_names("Al, Cu"), split_names("Cu"), split_names(None)
    (['Al', 'Cu'], ['Cu'], None)
    """
    return None if text is None else [name.strip() for name in text.split(",")]
