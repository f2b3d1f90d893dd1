"""Nuclei as records of seeding hold them: one row per branch, whatever else is in the store."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import UnknownNameError
from nakaya.md.seeding.nuclei import seeded_nuclei
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, single
from nakaya.records.store import from_json, to_json

TIMES = np.array([0.0, 0.5, 1.0]) * 1e-12
BONDS = np.array([[90.0, 90.0], [95.0, 70.0], [110.0, np.nan]])  # [frame, branch]


def seeding(status: str = "ok") -> Record:
    axis = Axis("time", "s", TIMES)
    series = {"nucleus_size": BONDS, "nucleus_size_averaged_rule": BONDS - 10}
    return Record(
        id="seeding-Al-640K-sphere-n100-s0",
        kind="md",
        material="Al",
        conditions={"temperature": single(640.0, "K"), DRIVING_FORCE: single(0.7, "1")},
        quantities={name: Quantity(values, "1", axis=axis) for name, values in series.items()},
        provenance=Provenance("made from numbers", settings={"shape": "sphere"}),
        status=status,  # type: ignore[arg-type]
        flags=() if status == "ok" else ("a reason",),
    )


def test_a_nucleus_has_a_row_for_each_branch_by_the_detector_that_is_asked() -> None:
    record = from_json(to_json(seeding()))
    (nucleus,) = seeded_nuclei([record])
    assert (nucleus.material, nucleus.temperature, nucleus.shape) == ("Al", 640.0, "sphere")
    np.testing.assert_array_equal(nucleus.times, TIMES)
    np.testing.assert_array_equal(nucleus.sizes, BONDS.T)
    (other,) = seeded_nuclei([record], detector="order")
    np.testing.assert_array_equal(other.sizes, BONDS.T - 10)


def test_other_records_and_failed_ones_are_no_nuclei() -> None:
    quench = Record("quench", "md", "Al", {DRIVING_FORCE: single(0.7, "1")}, {}, Provenance("made from numbers"))
    assert len(seeded_nuclei([quench, seeding("failed"), seeding("flagged")])) == 1
    with pytest.raises(UnknownNameError, match="detector"):
        seeded_nuclei([], detector="size")  # type: ignore[arg-type]
