"""What a seeding run showed: the size of a crystallite in its melt against time, once for each of its releases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import UnknownNameError
from nakaya.records.record import Record

__all__ = ["RELEASE_FRAME", "SHAPE", "SIZES", "SOLID_BRANCHES", "Detector", "SeededNucleus", "seeded_nuclei"]

Detector: TypeAlias = Literal["bonds", "order"]
"""How solid atoms are told from the melt: by the number of solid-like q6 bonds, or by neighbour-averaged q6."""

SIZES: Final[dict[Detector, str]] = {"bonds": "nucleus_size", "order": "nucleus_size_averaged_rule"}
"""Detector -> quantity of a record of seeding, [frame, branch] over time."""

SHAPE: Final = "shape"
"""Name of the shape of the crystallite among the settings of a record of seeding."""

RELEASE_FRAME: Final = "release-frame"
"""Form of the snapshot with all atoms at release; its column `solid` says which of them are the nucleus."""

SOLID_BRANCHES: Final = "solid_branches"
"""Quantity over an axis of numbers of atoms: in how many branches the atom belongs to the nucleus after the setting
`duration_ps`. Atoms that are not listed belong to it in none."""


@dataclass(frozen=True)
class SeededNucleus:
    """One crystallite, released into its melt several times.

    Attributes:
        material: Chemical symbol.
        temperature: K.
        shape: As it was cut: "sphere", "twin", ...
        times: float64 [frame], s from release.
        sizes: float64 [branch, frame], solid atoms of the largest cluster; NaN after a branch ended. All branches begin
            with the same positions, and so with the same size.
    """

    material: str
    temperature: float
    shape: str
    times: FloatArray
    sizes: FloatArray


def seeded_nuclei(records: Iterable[Record], *, detector: Detector = "bonds") -> list[SeededNucleus]:
    """Return the nuclei of those records that are of seeding runs and did not fail, in their order.

    Args:
        records: Of any kind.
        detector: "bonds" or "order".

    Raises:
        UnknownNameError: Another detector.

    >>> from nakaya.records.store import load_records
    >>> nuclei = seeded_nuclei(load_records("nuclei"))
    >>> nuclei[0].material, nuclei[0].temperature, nuclei[0].sizes.shape[0]  # released four times
    ('Al', 640.0, 4)
    """
    if detector not in SIZES:
        raise UnknownNameError("detector", detector, SIZES)
    nuclei = []
    for record in records:
        series = record.quantities.get(SIZES[detector])
        if record.status == "failed" or series is None or series.axis is None:
            continue
        nuclei.append(
            SeededNucleus(
                material=record.material,
                temperature=record.conditions["temperature"].value,
                shape=record.provenance.settings[SHAPE],
                times=series.axis.values,
                sizes=np.asarray(series.values.T),
            )
        )
    return nuclei
