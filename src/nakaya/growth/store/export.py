"""Crystals as one NumPy file, for programs that know neither zarr nor nakaya.

Not for keeping: the file has no checksums, cannot be read in parts, and is not compressed as well as a store.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.files import write_whole
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.encoding import named_arrays

__all__ = ["export_npz"]


def export_npz(trajectory: Trajectory, path: str | PathLike[str]) -> None:
    """Write a trajectory as an `.npz` file, in place of what is at `path`; no pickle inside.

    The file holds `arrival`, `steps`, `stop_codes`, `grain` (where there is one), each final field as `field_NAME`,
    each parameter as `parameter_NAME`, and `metadata`, a text of JSON.

    Args:
        trajectory: In memory; `nakaya.open(store).load()` reads a store.
        path: The file, such as "flakes.npz".

    Raises:
        OutputError: It cannot be written; nothing is left behind.
    """
    path = Path(path)
    arrays: dict[str, NDArray[Any]] = named_arrays(trajectory, "field_{}".format)
    arrays |= {f"parameter_{name}": np.asarray(values) for name, values in trajectory.parameters.items()}
    metadata = asdict(trajectory.metadata) | {
        "geometry": dict(trajectory.metadata.geometry),
        "format_version": trajectory.metadata.format_version,
    }
    arrays["metadata"] = np.array(json.dumps(metadata))
    stream = BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    write_whole(path, stream.getvalue())
