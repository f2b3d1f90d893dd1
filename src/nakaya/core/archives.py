"""Several arrays in one compressed npz without pickles: the same arrays give the same bytes."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.reading import check_input

__all__ = ["pack_arrays", "read_arrays"]

# What zipfile, zlib and NumPy raise on damaged bytes: RuntimeError for a flag that claims encryption or for an unknown
# compression, MemoryError or OverflowError for an array whose header claims more than there is, TokenError for a header
# that is none.
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, KeyError, TypeError, AttributeError, ValueError, OSError, EOFError, RuntimeError,
    MemoryError, OverflowError, SyntaxError, TokenError,
)  # fmt: skip


def pack_arrays(arrays: Mapping[str, np.ndarray[Any, Any]], *, level: int) -> bytes:
    """Return arrays as the content of an npz file.

    Args:
        arrays: Name -> array of numbers, of any shape and dtype.
        level: Of compression, 1 to 9.
    """
    # numpy.savez stamps the time of day into the archive; the same arrays must give the same bytes.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def read_arrays(path: Path, *, most: int, what: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an npz file.

    Args:
        path: The file.
        most: Bytes that it may unpack to.
        what: The file as a noun, for errors: "file of patches", say.

    Raises:
        InputFileError: There is no such file.
        FormatError: It is damaged, unpacks to more, or is something else.
    """
    if not path.exists():
        raise InputFileError(f"there is no {what} {path}")
    check_input(path)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > most:
            raise FormatError(f"{path} unpacks to {unpacked} bytes, more than {most}: not a {what}")
        with np.load(path, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in stored.files}
    except _DAMAGE as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} is not a {what}: {error}") from None
