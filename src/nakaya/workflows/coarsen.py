"""A map of grains, coarsened, as a folder: arrays, tables, pictures, a film, files for ParaView."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.documents import plain, write_json
from nakaya.core.errors import ParameterError
from nakaya.core.files import check_output, write_whole
from nakaya.core.folders import new_folder
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.core.resumable import staged
from nakaya.core.tables import Column, Table, encode_csv
from nakaya.growth.coarsening.coarsening import Progress, coarsen
from nakaya.growth.coarsening.energies import BoundaryEnergy
from nakaya.growth.coarsening.files import read_progress, save_coarsening, write_progress
from nakaya.growth.coarsening.result import Coarsening
from nakaya.growth.exchange.vtk import encode_image_data
from nakaya.workflows.coarsening_starts import Start

__all__ = ["RESULT", "check_physical", "coarsen_to_folder", "summary_of"]

RESULT: Final = "coarsening.npz"
STATE = "state.npz"
MOST_SHOWN = 4
"""Maps side by side in the picture."""


def coarsen_to_folder(
    start: Start,
    out: Path,
    *,
    spacing: float,
    mobility: float,
    energy: BoundaryEnergy,
    duration: float | None,
    until_grains: int | None,
    frames: int,
    edges: str,
    is_physical: bool,
    vti: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Coarsen a map into a folder, and go on from the last frame where the same request was killed before.

    Args:
        start: The map.
        out: Folder to make.
        spacing: Distance of sites, m.
        mobility: As of `coarsen`.
        energy: As of `coarsen`.
        duration: As of `coarsen`.
        until_grains: As of `coarsen`.
        frames: As of `coarsen`.
        edges: As of `coarsen`.
        is_physical: Whether numbers are in SI; else pictures and tables say no units.
        vti: Whether each frame becomes a file for ParaView, too.
        overwrite: Whether a folder of this kind at `out` is replaced.
        progress: Takes how many frames are done, and of how many.

    Returns:
        What `summary_of` says, and `out`.

    Raises:
        ParameterError: As of `coarsen`.
        OutputError: The output exists or cannot be written.
    """
    check_output(out, overwrite=overwrite, sign=RESULT)
    settings = plain([spacing, mobility, energy, duration, until_grains, frames, edges, package_version()])
    map_hash = sha256_of_bytes(np.ascontiguousarray(start.grain_map).tobytes())
    question = json.dumps([settings, list(start.grain_map.shape), map_hash]).encode()
    with staged(out, question) as folder:
        state = folder / STATE
        resume = read_progress(state) if state.is_file() else None

        def keep(done: Progress) -> None:
            folder.mkdir(exist_ok=True)
            write_progress(done, state)
            if progress is not None:
                progress(len(done.result.times) - 1, frames)

        found = coarsen(
            start.grain_map, spacing=spacing, mobility=mobility, energy=energy, duration=duration,
            until_grains=until_grains, frames=frames, orientations=start.orientations,
            symmetry=start.symmetry or "m-3m", edges=edges, resume=resume, on_frame=keep,
        )  # fmt: skip
        about = {"is_physical": is_physical, "laue_class": start.symmetry, "is_planar": start.is_planar}
        found = replace(found, flags=(*start.flags, *found.flags), settings=found.settings | about)
        if progress is not None:
            progress(frames, frames)
        with new_folder(out, overwrite=overwrite) as fresh:
            _write(found, fresh, is_physical, vti)
    return summary_of(found) | {"out": out}


def summary_of(found: Coarsening) -> dict[str, Any]:
    """Return plain values: grains and mean size at every frame, lambda, the line of mean area, topological classes."""
    slope, r2 = found.linear_fit() if found.dimension == 2 else (float("nan"), float("nan"))
    return {
        "dimension": found.dimension,
        "shape": list(found.grain_maps.shape[1:]),
        "spacing": found.spacing,
        "reduced_mobility": found.reduced_mobility,
        "edges": found.edges,
        "times": found.times.tolist(),
        "grains": found.num_grains.tolist(),
        "mean_size": found.mean_size.tolist(),
        "grain_density": found.density.tolist(),
        "characteristic_length": found.characteristic_length.tolist(),
        "slope_of_mean_area": slope,
        "r2_of_mean_area": r2,
        "classes": plain(list(found.topological_classes())) if found.dimension == 2 else [],
        "settings": found.settings,
        "flags": list(found.flags),
    }


def _write(found: Coarsening, folder: Path, is_physical: bool, vti: bool) -> None:
    from nakaya.viz.overlays import Caption, grain_film, grain_sequence
    from nakaya.viz.writing import encode_image

    save_coarsening(found, folder / RESULT)
    write_json(folder / "summary.json", summary_of(found))
    write_whole(folder / "frames.csv", encode_csv(_frame_table(found, is_physical)))
    write_whole(folder / "grains.csv", encode_csv(_grain_table(found, is_physical)))
    planes = found.grain_maps if found.dimension == 2 else found.grain_maps[:, found.grain_maps.shape[1] // 2]
    chosen = np.unique(np.linspace(0, len(planes) - 1, min(MOST_SHOWN, len(planes))).round().astype(int))
    counts = found.num_grains
    told = "  →  ".join(f"{counts[frame]} grains at {found.times[frame]:.3g}{' s' * is_physical}" for frame in chosen)
    plane = "" if found.dimension == 2 else " Middle layer of the volume."
    caption = Caption(
        f"Coarsening from {counts[0]} to {counts[-1]} grains", told + plane, found.spacing * is_physical or None
    )
    picture = grain_sequence([planes[frame] for frame in chosen], caption)
    write_whole(folder / "maps.png", encode_image(picture, folder / "maps.png", title=caption.title))
    write_whole(folder / "film.gif", grain_film(list(planes)))
    if vti:
        for frame, grain_map in enumerate(found.grain_maps):
            neighbours = found.neighbours[frame][grain_map].astype(np.int32)
            content = encode_image_data({"grain": grain_map, "neighbours": neighbours}, found.spacing)
            write_whole(folder / f"frame-{frame:03d}.vti", content)


def _units(found: Coarsening, is_physical: bool) -> tuple[str | None, str | None, str | None, str | None]:
    """Of time, size, density and length; nothing where numbers are plain."""
    d = found.dimension
    return ("s", f"m{d}", f"1/m{d}", "m") if is_physical else (None, None, None, None)


def _frame_table(found: Coarsening, is_physical: bool) -> Table:
    time, size, density, length = _units(found, is_physical)
    name = "mean_area" if found.dimension == 2 else "mean_volume"
    return Table(
        (
            Column("frame", np.arange(len(found.times))),
            Column("time", found.times, time),
            Column("grains", found.num_grains),
            Column(name, found.mean_size, size),
            Column("grain_density", found.density, density),
            Column("characteristic_length", found.characteristic_length, length),
        )
    )


def _grain_table(found: Coarsening, is_physical: bool) -> Table:
    time, size, _, _ = _units(found, is_physical)
    frame, grain = np.nonzero(found.neighbours > 0)
    return Table(
        (
            Column("frame", frame),
            Column("time", found.times[frame], time),
            Column("grain", found.names[grain]),
            Column("area" if found.dimension == 2 else "volume", found.sizes[frame, grain], size),
            Column("neighbours", found.neighbours[frame, grain]),
        )
    )


def check_physical(has_units: tuple[bool, ...]) -> bool:
    """Whether all numbers came with units; `ParameterError` where only some did."""
    if any(has_units) and not all(has_units):
        raise ParameterError("some of spacing, mobility and duration have units and others do not: give all, or none")
    return all(has_units)
