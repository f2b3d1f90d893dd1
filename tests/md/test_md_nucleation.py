"""The rate of nucleation from quenches: events over volume and time at risk, with the interval of the count."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nakaya.core.errors import ParameterError
from nakaya.md.nucleation import nucleation_rate
from nakaya.md.summary import nucleation_from_records
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record

VOLUME = 2e-25  # m^3


def quench(seed: int, waited_ps: float, *, has_event: bool) -> Record:
    return Record(
        id=f"quench-{seed}",
        kind="md",
        material="Cu",
        conditions={
            "temperature": Quantity(np.array(640.0), "K"),
            "volume": Quantity(np.array(VOLUME), "m^3"),
            DRIVING_FORCE: Quantity(np.array(1.4), "1"),
        },
        quantities={"waiting_time": Quantity(np.array(waited_ps * 1e-12), "s")},
        provenance=Provenance("made from numbers", seeds=(seed,)),
        status="ok" if has_event else "censored",
        flags=() if has_event else ("no crystal appeared",),
    )


def test_the_rate_is_events_over_volume_and_time_with_the_interval_of_their_number() -> None:
    quenches = [quench(seed, waited, has_event=True) for seed, waited in enumerate((60.0, 80.0, 120.0))]
    quenches.append(quench(9, 200.0, has_event=False))
    record, found = nucleation_rate(quenches, lag=50e-12)
    exposure = (10 + 30 + 70 + 150) * 1e-12
    assert (found.counted, found.exposure) == (3, pytest.approx(exposure))
    rate = record.quantities["nucleation_rate"]
    assert rate.value == pytest.approx(3 / (VOLUME * exposure))
    assert rate.interval is not None
    assert rate.interval.level == 0.9
    ends = np.array([rate.interval.low, rate.interval.high]) * VOLUME * exposure
    assert stats.poisson.sf(2, ends[0]) == pytest.approx(0.05)  # Garwood's ends
    assert stats.poisson.cdf(3, ends[1]) == pytest.approx(0.05)
    assert record.quantities["events"].value == 3
    assert record.quantities["censored_runs"].value == 1
    assert any("only 4 runs" in flag for flag in record.flags)


def test_the_lag_is_estimated_and_subtracted_where_none_is_given() -> None:
    quenches = [quench(seed, waited, has_event=True) for seed, waited in enumerate((60.0, 80.0, 120.0))]
    record, _ = nucleation_rate(quenches)
    exposure = (0 + 20 + 60) * 1e-12
    assert record.quantities["nucleation_rate"].value == pytest.approx(2 / (VOLUME * exposure))
    assert record.quantities["lag"].value == pytest.approx(60e-12 - exposure / 2 / 3)


def test_quenches_that_lie_in_records_give_the_rate_of_their_temperature() -> None:
    found = nucleation_from_records("al-cu-si", "Al", 440.0)
    (row,) = found["shear_rates"]
    assert (row["shear_rate_per_s"], row["events"] + row["censored"], found["out"]) == (0.0, 10, None)
    low, high = row["interval90"]
    assert low < row["nucleation_rate_per_m3_s"] < high
    with pytest.raises(ParameterError, match="no quenches of Al at 500 K in al-cu-si: has 440, 465 K"):
        nucleation_from_records("al-cu-si", "Al", 500.0)
