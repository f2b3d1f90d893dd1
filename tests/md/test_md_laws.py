"""Laws of growth and melting: records made from the law must pass it, records that break it must not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.__main__ import run
from benchmarks.md_ablation import Effect, change_causes
from nakaya.md.interface_velocities import growth_points, kinetic_coefficients, zero_velocity_melting_point
from nakaya.md.invariants import Finding, check_laws, verify_growth
from nakaya.md.potentials import MASSES
from nakaya.md.tables import tabulate
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record
from nakaya.theory import collision_limited_velocity, hard_sphere_coefficient

MELTING = 1327.0
HEAT = 12_000.0
EXACT = 1e-3
"""Relative: the velocities are made by the law itself, so only the last digits differ."""


def quantity(value: float, unit: str, error: float) -> Quantity:
    return Quantity(np.array(value), unit, np.array(error))


def record(name: str, orientation: str | None, seed: int, quantities: dict[str, Quantity], **values: float) -> Record:
    units = {"temperature": "K", "box_length": "m"}
    conditions = {key: Quantity(np.array(value), units[key]) for key, value in values.items()}
    return Record(
        id=name,
        kind="md",
        material="Cu",
        orientation=orientation,
        conditions={DRIVING_FORCE: Quantity(np.array(math.nan), "1"), **conditions},
        quantities=quantities,
        provenance=Provenance(source="made from a law", seeds=(seed,)),
    )


def bulk() -> list[Record]:
    heat = {"latent_heat": quantity(HEAT, "J/mol", 10.0)}
    melting = {
        "melting_temperature": quantity(MELTING, "K", 2.0),
        "drift_term": quantity(3.0, "K", 1.0),
        "drift_term_averaged_rule": quantity(1.0, "K", 1.0),
    }
    return [
        record("properties-Cu", None, 0, heat, temperature=1200.0),
        record("melting-Cu", "100", 0, melting, box_length=2e-8),
    ]


def grown(orientation: str, scale: float, temperatures: tuple[float, ...] = (1115.0, 1221.0, 1380.0)) -> list[Record]:
    """Collision-limited growth whose kinetic coefficient at T_m is `scale` times the hard-sphere law."""
    table = tabulate("Cu", bulk())
    mu = scale * hard_sphere_coefficient(MASSES["Cu"], MELTING, orientation)
    tiny = 1e-3  # K below T_m

    def velocity(temperature: float) -> float:
        reduced_driving_force = table.driving_force(temperature)
        return float(
            collision_limited_velocity(
                temperature, reduced_driving_force, mass=MASSES["Cu"], spacing=1e-10, efficiency=1.0
            )
        )

    efficiency = mu * tiny / velocity(MELTING - tiny)
    return [
        record(
            f"growth-{orientation}-{temperature:g}-{seed}",
            orientation,
            seed,
            {"growth_velocity": quantity(efficiency * velocity(temperature), "m/s", 1.0)},
            temperature=temperature,
        )
        for temperature in temperatures
        for seed in (0, 1)
    ]


def find(findings: list[Finding], law: str, subject: str = "") -> Finding:
    (found,) = [entry for entry in findings if entry.law == law and subject in entry.subject]
    return found


def test_the_coefficient_at_melting_is_that_of_the_law() -> None:
    records = [*bulk(), *grown("100", 1.0)]
    seen = kinetic_coefficients(growth_points(records), tabulate("Cu", records))
    assert seen.at_melting.value == pytest.approx(seen.hard_sphere, rel=EXACT)
    assert seen.secant.value < seen.at_melting.value  # the bend makes the secant smaller: this is the cause it shows
    assert seen.secant_temperature == 1221.0


@pytest.mark.parametrize(("scale", "holds"), [(1.0, True), (0.75, True), (0.65, False), (1.4, False)])
def test_thirty_per_cent_about_the_hard_sphere_law(scale: float, holds: bool) -> None:
    findings = check_laws([*bulk(), *grown("100", scale)])
    assert find(findings, "hard spheres", "(100)").holds is holds


def test_signs() -> None:
    records = [*bulk(), *grown("100", 1.0)]
    assert find(check_laws(records), "sign").holds is True
    turned = [
        replace(entry, quantities={"growth_velocity": quantity(-2.0, "m/s", 1.0)})
        if entry.id.startswith("growth-100-1115")
        else entry
        for entry in records
    ]
    sign = find(check_laws(turned), "sign")
    assert sign.holds is False
    assert sign.found == pytest.approx(200 / 3)
    assert "1115 K" in sign.detail


def test_order_of_the_faces() -> None:
    right = check_laws([*bulk(), *grown("100", 1.0), *grown("110", 1.0), *grown("111", 1.0)])
    assert find(right, "order", "(100) against (110)").holds is True
    assert find(right, "order", "(110) against (111)").holds is True
    wrong = check_laws([*bulk(), *grown("100", 0.3), *grown("110", 1.5), *grown("111", 1.0)])
    assert find(wrong, "order", "(100) against (110)").holds is False


def test_equal_velocities_count_as_the_same() -> None:
    same = check_laws([*bulk(), *grown("100", 1.10 / 1.44), *grown("110", 1.0)])
    order = find(same, "order", "(100) against (110)")
    assert order.holds is True
    assert order.detail.endswith("the same")


def test_two_ways_to_the_melting_point() -> None:
    findings = [entry for entry in check_laws([*bulk(), *grown("100", 1.0)]) if entry.law == "melting point"]
    assert len(findings) == 2
    assert all(entry.holds for entry in findings)
    assert "1325.0 K by averaged q6" in findings[0].detail
    still = next(entry for entry in findings if "zero interface velocity" in entry.subject)
    assert still.expected == pytest.approx(MELTING, abs=1.0)  # the search has steps of 0.7 K


@pytest.mark.parametrize(("file", "is_ours"), [("Cu_mishin1.eam.alloy", True), ("Cu_u3.eam", False)])
def test_published_melting_points_are_those_of_their_potentials(file: str, is_ours: bool) -> None:
    source = Provenance("made from a law", files={file: "a" * 64, "in.lammps": "b" * 64}, seeds=(0,))
    (found,) = [entry for entry in check_laws([replace(entry, provenance=source) for entry in bulk()])
                if entry.law == "melting point"]  # fmt: skip
    assert found.found == MELTING
    assert found.holds is (True if is_ours else None)
    assert ("Mishin" in found.subject) == is_ours


def test_without_records_there_is_no_verdict() -> None:
    findings = check_laws(bulk())
    assert {entry.holds for entry in findings if entry.law != "melting point"} == {None}


def test_replicates_are_averaged() -> None:
    points = growth_points(grown("100", 1.0))
    assert [point.seeds for point in points] == [2, 2, 2]
    assert points[0].velocity.standard_error == pytest.approx(1 / math.sqrt(2))


def silicon(velocities: dict[float, float]) -> list[Record]:
    """Silicon that melts at 1670 K, with velocities, m/s, by temperature, K, each to 1 m/s."""
    diffusivity = {
        kelvin: {"diffusivity": quantity(1e-8 * math.exp(-3000 / kelvin), "m^2/s", 1e-12)}
        for kelvin in (1300.0, 1700.0)
    }
    heat = {"latent_heat": quantity(31_000.0, "J/mol", 10.0)}
    melting = {"melting_temperature": quantity(1670.0, "K", 5.0)}
    found = [
        record("properties-1", None, 0, {**heat, **diffusivity[1300.0]}, temperature=1300.0),
        record("properties-2", None, 0, {**heat, **diffusivity[1700.0]}, temperature=1700.0),
        record("melting", "100", 0, melting, box_length=2e-8),
        *(
            record(f"growth-{kelvin:g}", "100", 0, {"growth_velocity": quantity(value, "m/s", 1.0)}, temperature=kelvin)
            for kelvin, value in velocities.items()
        ),
    ]
    return [replace(entry, material="Si") for entry in found]


def activated(temperatures: tuple[float, ...]) -> dict[float, float]:
    """Wilson-Frenkel growth of that silicon."""
    table = tabulate("Si", silicon({}))
    assert table.diffusivity is not None
    return {
        kelvin: 0.05 * 6 * table.diffusivity(kelvin) / 1e-10 * -math.expm1(-table.driving_force(kelvin))
        for kelvin in temperatures
    }


def test_the_interface_velocity_of_silicon_is_zero_where_activated_growth_says() -> None:
    records = silicon(activated((1400.0, 1520.0, 1720.0)))
    still = zero_velocity_melting_point(growth_points(records), tabulate("Si", records))
    assert still is not None
    assert still.value == pytest.approx(1670.0, abs=1.0)  # the search has steps of 0.8 K
    without = [entry for entry in records if not entry.id.startswith("properties")]
    assert zero_velocity_melting_point(growth_points(without), tabulate("Si", without)) is None


@pytest.mark.parametrize(
    ("velocities", "holds"),
    [
        ({1000.0: 3.0, 1260.0: 17.0, 1530.0: 16.5}, True),  # a point below T_m that is about as fast is no matter
        ({1000.0: 16.5, 1260.0: 17.0, 1530.0: 10.0}, False),
        ({1000.0: 17.0, 1260.0: 12.0, 1530.0: 6.0}, False),
        ({1000.0: -3.0, 1260.0: 0.5, 1530.0: 0.2}, False),  # nothing grows
        ({1000.0: 3.0, 1260.0: 17.0}, None),
    ],
)
def test_a_maximum_has_a_slower_cold_side(velocities: dict[float, float], holds: bool | None) -> None:
    assert find(check_laws(silicon(velocities)), "maximum").holds is holds


def causes_of(records: list[Record], subject: str) -> dict[str, Effect]:
    return {effect.cause: effect for effect in change_causes(records) if subject in effect.subject}


def with_history(entry: Record, *, creep: float, hotter: float) -> Record:
    """The run with a slab that grows as it says, after `creep` m/s more in the first 10 ps, and fronts `hotter` K."""
    velocity = entry.quantities["growth_velocity"].value
    times = np.arange(31.0) * 1e-12
    thickness = 1e-8 + 2 * (velocity * times + creep * np.minimum(times, 1e-11))
    kelvin = entry.conditions["temperature"].value
    places = np.arange(60) * 5e-10 + 2.5e-10
    seen = {
        "solid_thickness": Quantity(thickness, "m", axis=Axis("time", "s", times)),
        "temperature_profile": Quantity(np.full(60, kelvin + hotter), "K", axis=Axis("position", "m", places)),
        "mean_temperature": quantity(kelvin + hotter / 2, "K", 1.0),
        "growth_velocity": quantity(velocity + 2 * creep / 3, "m/s", 1.0),
        "growth_velocity_averaged_rule": quantity(2 * velocity, "m/s", 1.0),
    }
    return replace(
        entry,
        quantities={**entry.quantities, **seen},
        provenance=replace(entry.provenance, settings={"fit_window_ps": "0 to 30"}),
    )


def test_each_cause_moves_the_coefficient_as_it_must() -> None:
    plain = grown("100", 1.0, temperatures=(1260.0, 1300.0, 1380.0))
    found = causes_of([*bulk(), *(with_history(entry, creep=-6.0, hotter=0.0) for entry in plain)], "(100)")
    exact = hard_sphere_coefficient(MASSES["Cu"], MELTING, "100")
    assert found[""].expected == pytest.approx(exact)
    relaxed = next(effect for cause, effect in found.items() if "left out" in cause)
    assert relaxed.found == pytest.approx(exact, rel=EXACT)
    assert abs(found[""].found / exact - 1) > 10 * EXACT
    averaged = next(effect for cause, effect in found.items() if "averaged q6" in cause)
    assert averaged.found == pytest.approx(2 * exact, rel=EXACT)
    nickel = next(effect for cause, effect in found.items() if "nickel" in cause)
    assert nickel.found == found[""].found
    assert nickel.expected == pytest.approx(0.86 * exact, rel=0.02)  # 35.8 cm/(s K) against 41.5 of hard spheres


def test_each_cause_moves_the_melting_point_as_it_must() -> None:
    plain = grown("100", 1.0, temperatures=(1260.0, 1300.0, 1380.0))
    records = [*bulk(), *(with_history(entry, creep=0.0, hotter=10.0) for entry in plain)]
    found = causes_of(records, "zero interface velocity")
    assert found[""].found == pytest.approx(MELTING, abs=1.0)
    at = {word: next(effect for cause, effect in found.items() if word in cause) for word in ("slices", "mean")}
    assert at["slices"].found == pytest.approx(MELTING + 10, abs=2.0)  # all runs were 10 K hotter at their fronts
    assert at["mean"].found == pytest.approx(MELTING + 5, abs=2.0)
    moved = causes_of(records, "coexistence")
    assert moved[""].found == pytest.approx(MELTING)
    drift = next(effect for cause, effect in moved.items() if "moved" in cause and "q6 bonds" in cause)
    mobility = kinetic_coefficients(growth_points(records), tabulate("Cu", records)).at_melting.value
    assert drift.found == pytest.approx(MELTING + 3.0 * 0.4 / mobility, rel=1e-6)  # 0.4 m/(s K) was the guess


def test_the_command_changes_causes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["md-ablation", "al-cu-si"]) == 0
    text = capsys.readouterr().out
    assert "Al, temperature of zero interface velocity, K:" in text
    assert text.count("as the law takes it") == text.count(":\n  ")


def test_verdicts_are_counted_one_by_one() -> None:
    found = verify_growth("al-cu-si")
    verdicts = [finding["holds"] for finding in found["findings"]]
    assert (found["hold"], found["fail"], found["open"]) == tuple(
        sum(verdict is kind for verdict in verdicts) for kind in (True, False, None)
    )
    assert found["hold"] > found["fail"] > 0
