"""What a fit makes of its logs: on which basis, from when to when, in which units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import ConfigError
from nakaya.reactor.config import read_column_map
from nakaya.reactor.crystallizer import Operation, Run, Seed
from nakaya.reactor.fit_config import FitPlan, read_fit_plan
from nakaya.reactor.fitting import fit
from nakaya.reactor.logs.record import ingest_log
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.profiles import linear
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes
from nakaya.records.store import to_json

DAY = 86400.0
INITIAL = 0.67
"""kg of dextrose per kg of solution at the start, the basis of the published set."""

STEP = 900.0


@pytest.fixture(scope="module")
def batch() -> Run:
    operation = Operation(INITIAL, linear(315.15, 306.15, DAY), DAY, Seed(0.05, NormalSizes(115e-6, 60e-6)))
    return simulate(
        parameter_set("dextrose").crystallizer(), operation, times=np.arange(0.0, DAY + 1, STEP), method="moments"
    )


def write(
    folder: Path, run: Run, *, basis: str | None = "initial-solution", before: int = 0, unit: str = "kg/kg"
) -> None:
    """A log of a run, its concentration on a basis, with rows before the seed; its map, and a fit of the growth."""
    solute = run.concentration
    ratio = solute / (1.0 - INITIAL)
    columns = {"solution": ratio / (1.0 + ratio), "solvent": ratio}.get(basis or "", solute)
    quiet = np.arange(before) * STEP
    times = np.concatenate([quiet, run.times + before * STEP])
    T = np.concatenate([np.full(before, run.temperature[0]), run.temperature]) - 273.15
    c = np.concatenate([np.full(before, columns[0]), columns])
    sizes = [*[""] * before, *(f"{1e6 * size:.4f}" for size in run.mean_sizes["L43"])]
    numbers = np.concatenate([np.full(before, run.moments[0, 0]), run.moments[:, 0]])
    rows = zip(times / 3600.0, T, c, sizes, numbers, strict=True)
    text = "".join(f"{t:.6f},{a:.4f},{b:.8f},{size},{number:.6e}\n" for t, a, b, size, number in rows)
    (folder / "log.csv").write_text("t,T,c,L,N\n" + text)
    stated = "" if basis is None else f'concentration_basis = "{basis}"\n'
    (folder / "map.toml").write_text(
        f'material = "dextrose"\n{stated}[time]\ncolumn = "t"\nunit = "h"\n[columns.temperature]\ncolumn = "T"\n'
        f'unit = "degC"\n[columns.concentration]\ncolumn = "c"\nunit = "{unit}"\n[columns.mean_size]\ncolumn = "L"\n'
        'unit = "um"\n[columns.number]\ncolumn = "N"\nunit = "1/kg"\n[columns.per_volume]\ncolumn = "N"\n'
        'unit = "1/m^3"\n'
        '[columns.crystal_count]\ncolumn = "N"\nunit = "1"\n'
    )


def plan(
    folder: Path,
    extra: str = "initial_concentration = 0.67",
    observations: str = 'concentration = { channel = "concentration" }\nL43 = { channel = "mean_size" }',
    source: str = 'log = "log.csv"\nmap = "map.toml"',
) -> FitPlan:
    (folder / "fit.toml").write_text(
        'intervals = "covariance"\n[system]\nset = "dextrose"\n[parameters."growth.rate_constant"]\nlow = 1e-6\n'
        'high = 1.0\nstart = 2e-4\n[parameters."growth.order"]\nlow = 0.5\nhigh = 3.0\nstart = 1.5\n[[experiments]]\n'
        f'name = "one"\n{source}\n{extra}\nseed = {{ loading = 0.05, mean_um = 115.0, deviation_um = 60.0 }}\n'
        f"[experiments.observations]\n{observations}\n"
    )
    return read_fit_plan(folder / "fit.toml")


def fitted(made: FitPlan) -> list[float]:
    free = list(made.table.parameters.values())
    return [entry.value for entry in fit(made.crystallizer, made.experiments, free, intervals="covariance").estimates]


TRUTH = [1.14e-3, 1.05]
NOISELESS = 0.01
"""Relative: the data have eight digits, and the temperature of the log four decimals."""


@pytest.mark.parametrize("extra", ["initial_concentration = 0.67", ""])
@pytest.mark.parametrize("basis", ["solution", "solvent", "initial-solution"])
def test_concentrations_are_converted_to_the_basis_of_the_system(tmp_path, batch, basis, extra) -> None:
    write(tmp_path, batch, basis=basis)
    made = plan(tmp_path, extra)
    seen = made.experiments[0].observations[0]
    np.testing.assert_allclose(seen.values, batch.concentration, rtol=1e-6)
    assert made.experiments[0].operation.initial_concentration == pytest.approx(INITIAL, rel=1e-6)
    flags = made.flags.get("one", ())
    assert any(f"is per {basis}, that of the system per initial-solution" in flag for flag in flags) == (
        basis != "initial-solution"
    )


def test_the_fit_of_mass_fractions_finds_the_truth(tmp_path, batch) -> None:
    write(tmp_path, batch, basis="solution")
    assert fitted(plan(tmp_path)) == pytest.approx(TRUTH, rel=NOISELESS)


def test_a_given_deviation_grows_with_the_basis(tmp_path, batch) -> None:
    """dc/dw = (1 - w_0)/(1 - w)^2 at the median."""
    write(tmp_path, batch, basis="solution")
    made = plan(tmp_path, observations='concentration = { channel = "concentration", deviation = 0.001 }')
    c = np.median(batch.concentration)
    w = c / (c + 1 - INITIAL)
    expected = 0.001 * (1 - INITIAL) / (1 - w) ** 2
    assert made.experiments[0].observations[0].deviation == pytest.approx(expected, rel=1e-4)


def test_a_basis_that_nobody_states_is_told(tmp_path, batch) -> None:
    write(tmp_path, batch, basis=None)
    made = plan(tmp_path)
    assert any("nothing says what the measured concentration is per kg of" in flag for flag in made.flags["one"])
    np.testing.assert_allclose(made.experiments[0].observations[0].values, batch.concentration, rtol=1e-6)


def test_a_record_carries_its_basis_to_the_fit(tmp_path, batch) -> None:
    write(tmp_path, batch, basis="solution")
    record = ingest_log(tmp_path / "log.csv", read_column_map(tmp_path / "map.toml")).record
    (tmp_path / "record.json").write_text(to_json(record))
    made = plan(tmp_path, source='record = "record.json"')
    np.testing.assert_allclose(made.experiments[0].observations[0].values, batch.concentration, rtol=1e-6)


def test_columns_and_sizes_of_the_first_clock_need_one(tmp_path) -> None:
    clock = '[time]\ncolumn = "t"\nunit = "min"\n'
    columns = '[columns.temperature]\ncolumn = "T"\nunit = "degC"\n'
    sizes = '[sizes]\nfirst = "a"\nlast = "b"\nunit = "um"\nsizes = [1.0, 2.0]\n'

    def streams(text: str) -> int:
        (tmp_path / "map.toml").write_text('material = "x"\n' + text)
        return len(read_column_map(tmp_path / "map.toml").streams)

    for part in (columns, sizes, columns + sizes):
        with pytest.raises(ConfigError, match=r"\[columns\] or \[sizes\] without a \[time\]"):
            streams(part)
        assert streams(clock + part) == 1
    assert streams(clock.replace("[time]", "[[stream]]\n[stream.time]") + columns.replace("[", "[stream.")) == 1


# --- when a run begins and ends ----------------------------------------------------------------------------------

BEFORE = 32
"""Rows before the seed: eight hours."""


def test_a_run_begins_when_it_is_seeded(tmp_path, batch) -> None:
    write(tmp_path, batch, before=BEFORE)
    late = plan(tmp_path)
    assert any("does the log begin before the seed? give seed_time_h" in flag for flag in late.flags["one"])
    assert late.experiments[0].operation.duration == pytest.approx(DAY + BEFORE * STEP)
    for extra in ("seed_time_h = 8.0", "start_h = 8.0", "seed_time_h = 8.0\ninitial_concentration = 0.67"):
        made = plan(tmp_path, extra)
        operation = made.experiments[0].operation
        assert not any("seed_time_h" in flag for flag in made.flags["one"])
        assert operation.duration == pytest.approx(DAY)
        assert operation.initial_concentration == pytest.approx(INITIAL, rel=1e-6)
        assert operation.temperature.at([0.0, DAY]) == pytest.approx([315.15, 306.15], abs=1e-3)
        for seen in made.experiments[0].observations:
            assert seen.times[0] == pytest.approx(0.0, abs=1e-6)
    assert fitted(plan(tmp_path, "seed_time_h = 8.0")) == pytest.approx(TRUTH, rel=NOISELESS)


def test_a_run_ends_where_it_is_said_to(tmp_path, batch) -> None:
    write(tmp_path, batch, before=BEFORE)
    made = plan(tmp_path, "seed_time_h = 8.0\nend_h = 20.0")
    assert made.experiments[0].operation.duration == pytest.approx(12 * 3600.0)
    assert fitted(made) == pytest.approx(TRUTH, rel=NOISELESS)


def test_a_given_temperature_is_on_the_clock_of_the_log(tmp_path, batch) -> None:
    write(tmp_path, batch, before=BEFORE)
    made = plan(tmp_path, "seed_time_h = 8.1\ntemperature = [[0.0, 42.0], [8.0, 42.0], [32.0, 33.0]]")
    profile = made.experiments[0].operation.temperature
    at = [0.0, 0.9 * 3600.0, 24 * 3600.0]
    expected = 315.15 - np.array([0.1, 1.0, 24.0]) * 0.375
    assert profile.at(at) == pytest.approx(expected, abs=1e-9)


def test_conditions_between_two_rows_are_interpolated_at_the_start(tmp_path, batch) -> None:
    write(tmp_path, batch)
    made = plan(tmp_path, "start_h = 6.1")
    profile = made.experiments[0].operation.temperature
    assert profile.at([0.0])[0] == pytest.approx(315.15 - 6.1 * 0.375, abs=1e-3)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("seed_time_h = 1.0\nstart_h = 0.5", "not both"),
        ("start_h = 5.0\nend_h = 5.0", "begins at 5 h and ends at 5 h"),
        ("start_h = 100.0", "holds no value between its start and its end"),
    ],
)
def test_a_start_and_an_end_that_cannot_be_are_refused(tmp_path, batch, extra, message) -> None:
    write(tmp_path, batch)
    with pytest.raises(ConfigError, match=message):
        plan(tmp_path, extra)


# --- units of what is observed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        ('concentration = { channel = "crystal_count" }', "is no concentration in kg/kg"),
        ('concentration = { channel = "temperature" }', "is no concentration in kg/kg"),
        ('L43 = { channel = "concentration" }', "L43 is observed in 'm'"),
        ('log_number = { channel = "per_volume" }', "give it per kg of slurry"),
    ],
)
def test_a_channel_of_another_kind_is_not_observed(tmp_path, batch, observations, message) -> None:
    write(tmp_path, batch)
    with pytest.raises(ConfigError, match=message):
        plan(tmp_path, observations=observations)


def test_numbers_without_a_unit_are_told(tmp_path, batch) -> None:
    write(tmp_path, batch)
    counted = plan(tmp_path, observations='log_number = { channel = "crystal_count" }')
    assert any("read as crystals per kg of slurry" in flag for flag in counted.flags["one"])
    assert "one" not in plan(tmp_path, observations='log_number = { channel = "number" }').flags


def test_a_start_that_is_absurd_is_questioned(tmp_path, batch) -> None:
    write(tmp_path, batch)
    made = plan(tmp_path, "initial_concentration = 0.06")
    assert any("supersaturation with the initial concentration is between" in flag for flag in made.flags["one"])


def test_a_law_that_needs_molar_masses_asks_for_them_at_once(tmp_path, batch) -> None:
    write(tmp_path, batch)
    plan(tmp_path)
    law = '[system]\nset = "dextrose"\n[system.solubility]\nform = "van-t-hoff"\ncoefficients = [3.0, -1800.0]\n'
    text = (tmp_path / "fit.toml").read_text().replace('[system]\nset = "dextrose"\n', law + 'unit = "mol/mol"\n')
    (tmp_path / "fit.toml").write_text(text)
    with pytest.raises(ConfigError, match="needs molar_mass_g_per_mol"):
        read_fit_plan(tmp_path / "fit.toml")
    amounts = "[system.solubility.amounts]\nmolar_mass_g_per_mol = 180.16\nsolvent_molar_mass_g_per_mol = 18.015\n"
    (tmp_path / "fit.toml").write_text(text.replace("[parameters", amounts + "[parameters", 1))
    assert read_fit_plan(tmp_path / "fit.toml").crystallizer.solubility.unit == "mol/mol"


@pytest.mark.parametrize(("hours", "is_flagged"), [(24.0, False), (6.0, True)])
def test_a_temperature_that_ends_before_the_run_is_told(tmp_path, batch, hours, is_flagged) -> None:
    """The logger of the temperature stopped after so many hours."""
    write(tmp_path, batch)
    head, *rows = (tmp_path / "log.csv").read_text().splitlines()
    fields = [row.split(",") for row in rows]
    cut = [[row[0], row[1] if float(row[0]) <= hours else "", *row[2:]] for row in fields]
    (tmp_path / "log.csv").write_text("\n".join([head, *map(",".join, cut)]))
    flags = [flag for found in plan(tmp_path).flags.values() for flag in found if "held outside" in flag]
    assert [f"from 0 to {hours:g} h of a run of 24 h" in flag for flag in flags] == [True] * is_flagged
