"""From records to suggested runs: the grid, the set-up, seeds, the plan, and what is refused or noted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import NakayaError, ParameterError, UnknownNameError
from nakaya.kinetics.suggestion.planning import Condition, nearest_setup, planned_material, setup_of
from nakaya.kinetics.suggestion.suggesting import Suggestions, suggest_runs
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.tables import tabulate
from nakaya.records.record import Record, single
from nakaya.records.store import RecordStore, load_records
from support.planned_growth import with_setups
from support.synthetic_growth import SyntheticGrowth

GROWTH = SyntheticGrowth(pairs=(("Al", "100"), ("Al", "111"), ("Cu", "100")), seeds=(0, 1))


def stored(folder: Path, records: list[Record]) -> str:
    RecordStore(folder / "records", create=True).merge(records)
    return str(folder / "records")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return stored(tmp_path_factory.mktemp("suggesting"), with_setups(GROWTH.records()))


def ids(found: Suggestions) -> list[str]:
    return [entry.run.id for entry in found.runs]


def test_each_run_lowers_the_expected_error_and_the_order_is_the_same_again(source: str) -> None:
    found = suggest_runs(source, runs=8)
    errors = [found.runs[0].error_before, *(entry.error_after for entry in found.runs)]
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert [entry.error_before for entry in found.runs] == errors[:-1]
    assert found.conditions == 3 * 11  # six temperatures of each face, and five middles
    assert found == suggest_runs(source, runs=8)
    assert ids(suggest_runs(source, runs=3)) == ids(found)[:3]  # a batch begins with a smaller one
    assert len(set(ids(found))) == 8


def test_seeds_go_on_after_all_that_were_made_failed_ones_too(tmp_path: Path) -> None:
    records = with_setups(GROWTH.records())
    failed = GROWTH.growth("Cu", "100", 796.0, 4)
    failed = replace(failed, quantities={}, status="failed", flags=("it nucleated",))
    place = stored(tmp_path, [*records, failed])
    found = suggest_runs(place, materials=["Cu"], orientations=["010"], temperatures=[796], runs=2)
    assert ids(found) == ["growth-Cu-100-796K-s5", "growth-Cu-100-796K-s6"]
    assert [entry.runs_known for entry in found.runs] == [2, 2]


@pytest.mark.parametrize(("noisy", "error", "chosen"), [(796, 8, {796}), (1380, 8, {1380}), (1009, 12, {902, 1115})])
def test_a_noisy_end_is_run_again_and_a_noisy_middle_is_told_by_its_neighbours(
    noisy: int, error: float, chosen: set[int], tmp_path: Path
) -> None:
    def stating(record: Record) -> Record:
        if "growth_velocity" not in record.quantities:
            return record
        stated = error if record.id.startswith(f"growth-Cu-100-{noisy}K") else 2.0
        entry = replace(record.quantities["growth_velocity"], uncertainty=np.array(stated))
        return replace(record, quantities={**record.quantities, "growth_velocity": entry})

    place = stored(tmp_path, [stating(record) for record in with_setups(GROWTH.records())])
    measured = [796, 902, 1009, 1115, 1221, 1380]
    (first,) = suggest_runs(place, materials=["Cu"], orientations=["100"], temperatures=measured, runs=1).runs
    assert first.run.temperature in chosen
    assert (first.run.seed, first.runs_known) == (2, 2)


def test_a_dear_condition_is_left_for_a_cheap_one_that_is_worth_as_much(tmp_path: Path) -> None:
    # The same boxes of Al (100) and (111), but for the number of atoms of the one that would be chosen.
    plain = stored(tmp_path / "plain", with_setups(GROWTH.records()))
    (first,) = suggest_runs(plain, materials=["Al"], runs=1).runs
    dear = [
        replace(record, conditions={**record.conditions, "num_atoms": single(1e6, "1")})
        if record.material == "Al" and record.orientation == first.run.orientation and "num_atoms" in record.conditions
        else record
        for record in with_setups(GROWTH.records())
    ]
    (other,) = suggest_runs(stored(tmp_path / "dear", dear), materials=["Al"], runs=1).runs
    assert other.run.orientation != first.run.orientation
    assert other.cost == 3136 * 50


def test_set_up_as_near_runs(source: str) -> None:
    records = load_records(source)
    table = tabulate("Al", records)
    by_id = {record.id: record for record in records}
    stated = {"growth-Al-111-855K-s0": "33", "growth-Al-100-966K-s0": "44", "growth-Al-100-557K-s0": "22"}
    hot = [record for name, time in stated.items() for record in with_setups([by_id[name]], duration_ps=time)]
    setups = [setup for record in hot if (setup := setup_of(record)) is not None]
    durations = {setup.condition.temperature: setup.duration_ps for setup in setups}
    for kelvin, like in ((925.0, 855.0), (935.0, 966.0), (600.0, 557.0), (850.0, 855.0)):
        found = nearest_setup(Condition("Al", "100", kelvin), setups, table)
        assert found.duration_ps == durations[like], kelvin
    with pytest.raises(ParameterError, match="no record of Cu states box and duration"):
        nearest_setup(Condition("Cu", "100", 900.0), setups, table)


def test_the_plan_gives_the_runs_that_were_suggested(source: str, tmp_path: Path) -> None:
    found = suggest_runs(source, runs=6)
    (tmp_path / "plan.toml").write_text(found.plan())
    expected = sorted((entry.run for entry in found.runs), key=lambda run: run.id)
    assert sorted(read_plan(tmp_path / "plan.toml"), key=lambda run: run.id) == expected


def test_a_material_with_a_potential_of_its_own_is_described_in_the_plan() -> None:
    records = load_records("unseen")
    silver = [r for r in records if r.id.startswith("growth-Ag")]
    material, digest = planned_material("Ag", silver, tabulate("Ag", records))
    assert (material.structure, material.pair_style, material.potential) == ("fcc", "eam", "Ag_u3.eam")
    assert digest == silver[0].provenance.files["Ag_u3.eam"]
    assert material.lattice_parameter == pytest.approx(4.18, abs=0.1)
    copper = [r for r in records if r.id.startswith("growth-Cu")]
    assert planned_material("Cu", copper, tabulate("Cu", records))[1] is None
    other = replace(silver[0].provenance, files={**silver[0].provenance.files, "Ag_u3.eam": "0" * 64})
    with pytest.raises(ParameterError, match="several potentials"):
        planned_material("Ag", [silver[1], replace(silver[0], provenance=other)], tabulate("Ag", records))


def test_what_priors_decide_is_noted(tmp_path: Path) -> None:
    alone = SyntheticGrowth(pairs=(("Cu", "100"),), reduced_temperatures=(0.76,), seeds=(0,))
    place = stored(tmp_path, with_setups(alone.records()))
    found = suggest_runs(place, orientations=["100", "111"], temperatures=[800, 1009], runs=2)
    assert [note.split(":")[0] for note in found.notes] == ["Cu", "Cu"]
    assert "growth runs at 1 of the 3 temperatures" in found.notes[0]
    assert "beyond the temperatures of its growth runs, 1009 to 1009 K" in found.notes[1]
    assert found.runs[0].error_after < found.runs[0].error_before


@pytest.mark.parametrize(
    ("asked", "kind", "message"),
    [
        ({"materials": ["Si"]}, UnknownNameError, "unknown material of the growth runs 'Si': known: Al, Cu"),
        ({"orientations": ["17 5 3"]}, ParameterError, "'17 5 3' of fcc: expected three indices of at most 9"),
        ({"orientations": ["x"]}, ParameterError, "is no Miller indices"),
        ({"temperatures": [0.0]}, ParameterError, "temperature=0 is outside"),
        ({"temperatures": [float("nan")]}, ParameterError, "temperature=nan is outside"),
        ({"temperatures": [4000.0]}, ParameterError, "there is no interface between crystal and melt"),
        ({"runs": 0}, ParameterError, "runs=0"),
        ({"temperatures": [500 + n / 10 for n in range(1000)]}, ParameterError, "the grid has 3000 conditions"),
    ],
)
def test_what_cannot_be_is_refused(asked: dict, kind: type[NakayaError], message: str, source: str) -> None:
    with pytest.raises(kind, match=message):
        suggest_runs(source, **asked)


def test_records_that_do_not_tell_enough_are_refused(tmp_path: Path) -> None:
    bulk = [record for record in GROWTH.records() if "growth_velocity" not in record.quantities]
    with pytest.raises(ParameterError, match="holds no growth runs with a velocity"):
        suggest_runs(stored(tmp_path / "bulk", bulk))
    with pytest.raises(ParameterError, match="no record of Al states box and duration"):
        suggest_runs(stored(tmp_path / "foreign", GROWTH.records()))
    sheared = GROWTH.growth("Cu", "100", 700.0, 0)
    sheared = replace(sheared, conditions={**sheared.conditions, "shear_rate": single(1e9, "1/s")})
    with pytest.raises(ParameterError, match="does not look at shear_rate, and sample growth-Cu-100-700K-s0 has 1e"):
        suggest_runs(stored(tmp_path / "sheared", with_setups([*GROWTH.records(), sheared])))
    growth = [record for record in with_setups(GROWTH.records()) if record not in bulk]
    with pytest.raises(ParameterError, match="latent heat of Al at .* is not known"):
        suggest_runs(stored(tmp_path / "growth", growth))
