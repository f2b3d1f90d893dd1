"""A coarsened polycrystal as one file: an npz of arrays, and `about`, a JSON text in bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nakaya.core.archives import pack_arrays, read_arrays
from nakaya.core.documents import dump_json, plain
from nakaya.core.errors import FormatError
from nakaya.core.files import write_whole
from nakaya.core.provenance import package_version
from nakaya.core.reading import parse_json
from nakaya.growth.coarsening.coarsening import Progress
from nakaya.growth.coarsening.network import Network
from nakaya.growth.coarsening.result import Coarsening

__all__ = ["encode_coarsening", "open_coarsening", "read_progress", "save_coarsening", "write_progress"]

FORMAT: Final = "nakaya-coarsening"
FORMAT_VERSION: Final = 1
MAX_BYTES: Final = 8 << 30
NOUN: Final = "file of a coarsened polycrystal"

_KINDS: Final = {"times": "f", "grain_maps": "i", "sizes": "f", "neighbours": "i", "names": "i"}


def encode_coarsening(result: Coarsening) -> bytes:
    """Return the content of the file."""
    return pack_arrays(_arrays(result), level=6)


def _arrays(result: Coarsening) -> dict[str, NDArray[Any]]:
    about = {
        "format": FORMAT, "format_version": FORMAT_VERSION, "made_by": f"nakaya {package_version()}",
        "spacing": result.spacing, "reduced_mobility": result.reduced_mobility, "edges": result.edges,
        "flags": result.flags, "settings": result.settings,
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {name: getattr(result, name) for name in _KINDS}
    if result.orientations is not None:
        arrays["orientations"] = result.orientations
    return arrays | {"about": np.frombuffer(dump_json(plain(about)), np.uint8)}


def save_coarsening(result: Coarsening, path: Path, *, overwrite: bool = False) -> None:
    """Write a result to one file, whole or not at all.

    Raises:
        OutputExistsError: It exists and may not be replaced.
        OutputError: It cannot be written.
    """
    write_whole(path, encode_coarsening(result), overwrite=overwrite)


def open_coarsening(path: Path) -> Coarsening:
    """Read what `save_coarsening`, or `nakaya coarsen`, wrote.

    Raises:
        InputFileError: There is no such file.
        FormatError: It is damaged, or something else.

    >>> import tempfile
    >>> from nakaya.growth.coarsening.coarsening import coarsen
    >>> halves = np.arange(32, dtype=np.int32).reshape(1, -1).repeat(16, axis=0) // 16
    >>> found = coarsen(halves, spacing=1e-6, mobility=1e-14, duration=100.0, frames=1, is_reference=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_coarsening(found, Path(folder) / "halves.npz")
    ...     again = open_coarsening(Path(folder) / "halves.npz")
    >>> bool((again.grain_maps == found.grain_maps).all()), again.spacing
    (True, 1e-06)
    """
    return _result(read_arrays(path, most=MAX_BYTES, what=NOUN), path)


def _result(arrays: dict[str, NDArray[Any]], path: Path) -> Coarsening:
    for name, kind in (*_KINDS.items(), ("about", "u")):
        if name not in arrays or arrays[name].dtype.kind != kind:
            raise FormatError(f"{path} is no {NOUN}: it lacks {name!r}, or holds it as something else")
    about = parse_json(arrays["about"].tobytes(), f"{path}: about")
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise FormatError(f"{path} is no {NOUN}")
    if about.get("format_version") != FORMAT_VERSION:
        raise FormatError(
            f"{path} has version {about.get('format_version')} of its format, {FORMAT_VERSION} is read: "
            "use the nakaya that made it, or a newer one"
        )
    frames, grains = len(arrays["times"]), len(arrays["names"])
    shapes = [arrays[name].shape for name in ("sizes", "neighbours")]
    if (
        arrays["grain_maps"].ndim not in (3, 4)
        or len(arrays["grain_maps"]) != frames
        or shapes != [(frames, grains)] * 2
    ):
        raise FormatError(f"{path} contradicts itself: its arrays have other numbers of frames or grains")
    turns = arrays.get("orientations")  # of starts without orientations there are none
    if turns is not None and (turns.shape != (grains, 4) or turns.dtype.kind != "f" or not np.isfinite(turns).all()):
        raise FormatError(f"{path} contradicts itself: its orientations are no quaternions, one for each grain")
    try:
        return Coarsening(
            **{name: arrays[name] for name in _KINDS},
            spacing=float(about["spacing"]),
            reduced_mobility=float(about["reduced_mobility"]),
            edges=str(about["edges"]),
            flags=tuple(about["flags"]),
            settings=dict(about["settings"]),
            orientations=turns,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path} is damaged: its entry about is incomplete ({error})") from None


def write_progress(progress: Progress, path: Path) -> None:
    """Write how far coarsening is, for `coarsen` to go on from there."""
    state = {
        "labels": progress.network.labels,
        "weights": progress.network.weights,
        "time": np.array([progress.time]),
    }
    write_whole(path, pack_arrays(_arrays(progress.result) | state, level=1))


def read_progress(path: Path) -> Progress:
    """Read what `write_progress` wrote.

    Raises:
        InputFileError, FormatError: As of `open_coarsening`.
    """
    arrays = read_arrays(path, most=MAX_BYTES, what=NOUN)
    result = _result(arrays, path)
    if not {"labels", "weights", "time"} <= arrays.keys():
        raise FormatError(f"{path} holds no state to go on from")
    network = Network(arrays["labels"], arrays["weights"], result.edges == "periodic")
    return Progress(network, float(arrays["time"][0]), result)
