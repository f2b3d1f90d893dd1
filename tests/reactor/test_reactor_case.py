"""Descriptions of simulated runs: what they become, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import ConfigError
from nakaya.reactor.case_config import read_case
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.simulate import simulate

CASE = """
method = "moments"
[system]
set = "dextrose"
[start]
concentration = 0.67
[temperature]
profile = "linear"
start = 42.0
end = 33.0
duration = 24.0
[seed]
loading = 0.125
mean_um = 115.0
deviation_um = 60.0
"""

OWN = """
[system]
name = "own"
density = 1500.0
shape_factor = 0.5
[system.solubility]
form = "table"
temperatures = [10.0, 30.0, 50.0]
values = [0.1, 0.2, 0.4]
basis = "solvent"
[system.growth]
rate_constant = 1e-7
[start]
concentration = 0.3
[temperature]
profile = "piecewise"
points = [[0.0, 45.0], [30.0, 40.0], [90.0, 20.0]]
time_unit = "min"
[seed]
loading = 0.01
edges_um = [50.0, 60.0, 80.0]
counts = [100.0, 300.0]
"""


ROUNDING = 1e-10
"""Relative: 115.0 um times 1e-6 is not 115e-6 m to the last bit, and the solver adds that up."""

SIEVED = OWN[OWN.index("[seed]") :]


def write(folder: Path, text: str, *changes: tuple[str, str]) -> Path:
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_case_is_the_run_that_python_makes(tmp_path: Path) -> None:
    from nakaya.reactor.crystallizer import Operation, Seed
    from nakaya.reactor.profiles import linear
    from nakaya.reactor.sizes import NormalSizes

    case = read_case(write(tmp_path, CASE))
    day = 86400.0
    batch = Operation(0.67, linear(315.15, 306.15, day), day, Seed(0.125, NormalSizes(115e-6, 60e-6)))
    expected = simulate(parameter_set("dextrose").crystallizer(), batch, times=201, method="moments")
    found = simulate(case.crystallizer, case.operation, times=case.times, method=case.method)
    assert np.allclose(found.moments, expected.moments, rtol=ROUNDING, atol=0)
    assert np.allclose(found.concentration, expected.concentration, rtol=ROUNDING, atol=0)
    assert (case.name, case.flags) == ("case", ())


def test_a_system_of_ones_own_in_pieces_with_a_sieved_seed(tmp_path: Path) -> None:
    case = read_case(write(tmp_path, OWN))
    assert case.operation.duration == 5400.0
    assert case.operation.temperature.at([0.0, 900.0, 3600.0]).tolist() == pytest.approx([318.15, 315.65, 303.15])
    run = simulate(case.crystallizer, case.operation, times=case.times)
    assert run.crystal_mass[0] == pytest.approx(0.01)
    # The second class has 20 um of width and three times as many: L10 = (100 x 55 + 300 x 70)/400.
    assert run.mean_sizes["L10"][0] == pytest.approx(66.25e-6, rel=1e-3)  # of classes of the solver
    assert run.moments[:, 0] == pytest.approx(run.moments[0, 0], rel=1e-6)  # growth alone: nobody comes or goes


@pytest.mark.parametrize(
    ("temperature", "seconds", "kelvin"),
    [
        ('profile = "constant"\nvalue = 300.0\nunit = "K"', 0.0, 300.0),
        ('profile = "linear"\nstart = 40.0\nend = 20.0\nduration = 60.0\ntime_unit = "min"', 3600.0, 293.15),
        ('profile = "cubic"\nstart = 104.0\nend = 68.0\nduration = 1.0\nunit = "degF"', 3600.0, 293.15),
        (
            'profile = "natural"\nstart = 40\nend = 20\nduration = 3600\nsurroundings = 10\ntime_unit = "s"',
            3600.0,
            293.15,
        ),
        ('profile = "piecewise"\npoints = [[0, 40], [1, 20]]', 3600.0, 293.15),
    ],
)
def test_every_profile_has_its_units(temperature: str, seconds: float, kelvin: float, tmp_path: Path) -> None:
    old = CASE[CASE.index("profile") : CASE.index("[seed]")]
    text = "duration_h = 2.0\n" + CASE.replace(old, temperature + "\n")
    case = read_case(write(tmp_path, text))
    assert case.operation.duration == 7200.0
    assert case.operation.temperature.times[-1] == seconds
    assert case.operation.temperature.values[-1] == pytest.approx(kelvin, abs=1e-9)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ('concentration = 25.0\nunit = "g/100 g"', 0.25),
        ('concentration = 20.0\nunit = "wt%"', 0.25),  # X = w/(1 - w)
        ('concentration = 210.0\nunit = "g/L"', 0.25),  # w = 210/1050
        ("saturated_at_C = 30.0", 0.2),
    ],
)
def test_starts_are_converted_to_the_basis_of_the_solubility(start: str, expected: float, tmp_path: Path) -> None:
    changes = (
        ("concentration = 0.3", start),
        ('basis = "solvent"', 'basis = "solvent"\namounts = { solution_density = 1050 }'),
    )
    assert read_case(write(tmp_path, OWN, *changes)).operation.initial_concentration == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "changes", "told"),
    [
        (CASE, [("concentration = 0.67", "")], "start: give either a concentration or saturated_at_C"),
        (CASE, [("[start]\nconcentration = 0.67\n", "")], "'start' is missing"),
        (CASE, [('profile = "linear"', "")], "'temperature.profile' is missing"),
        (CASE, [("end = 33.0\n", "")], "temperature: a linear profile needs end"),
        (CASE, [("end = 33.0\n", "end = 33.0\nsurroundings = 3.0\n")], "a linear profile has no surroundings"),
        (CASE, [("duration = 24.0", "duration = -24.0")], "duration=-24 must be positive"),
        (CASE, [("duration = 24.0", 'duration = 24.0\ntime_unit = "m"')], "'m' is no unit of time: write min"),
        (CASE, [("duration = 24.0", 'duration = 24.0\nunit = "C"')], "'C' is no unit of temperature: write degC"),
        (CASE, [("duration = 24.0", 'duration = 24.0\nunit = "degQ"')], "unit 'degQ' is not known"),
        (CASE, [("concentration = 0.67", "concentration = -0.67")], "concentration=-0.67 is negative"),
        (CASE, [("concentration = 0.67", "concentration = 1.67")], "leaves no solvent"),
        (CASE, [("concentration = 0.67", 'concentration = 0.67\nunit = "ppm"')], "a pure number"),
        (CASE, [("concentration = 0.67", 'concentration = 6.0\nunit = "mol/L"')], "needs molar_mass_g_per_mol"),
        (CASE, [("concentration = 0.67", 'concentration = 6.0\nunit = "furlong"')], "no amount of solute"),
        (CASE, [("loading = 0.125", "loading = -0.125")], "loading=-0.125 of seed is outside (0, 1)"),
        (CASE, [("deviation_um = 60.0", "")], "a seed needs one of"),
        (CASE, [('set = "dextrose"', 'set = "dextrosse"')], "did you mean 'dextrose'?"),
        (CASE, [('set = "dextrose"', 'set = "dextrose"\ndensity = -1.0')], "density=-1.0 of a crystallizer"),
        (CASE, [("method = \"moments\"", "method = \"moments\"\nnum_times = 1")], "num_times=1 is outside the range"),
        (
            CASE,
            [('set = "dextrose"', 'set = "dextrose"\nsolubility_measured_C = [60.0, 35.0]')],
            "solubility_measured_C = [60, 35] does not rise",
        ),
        (CASE, [('method = "moments"', "[antisolvent]\nrate = 1.0")], "unknown key 'antisolvent'"),
        (OWN, [("[30.0, 40.0]", "[95.0, 40.0]")], "the times of a profile must increase"),
        (OWN, [("density = 1500.0\n", "")], "needs [system.solubility], density and shape_factor"),
        (OWN, [("counts = [100.0, 300.0]", "")], "needs both edges_um (n + 1) and counts (n)"),
        (OWN, [("counts = [100.0, 300.0]", "counts = [-100.0, 300.0]")], "counts of binned sizes must be"),
        (OWN, [("points = [[0.0, 45.0], [30.0, 40.0], [90.0, 20.0]]", "points = []")], "0 points"),
        (OWN, [("points = [[0.0, 45.0], [30.0, 40.0], [90.0, 20.0]]", "points = [[0.0, 45.0]]")], "give duration_h"),
        (OWN, [("90.0, 20.0", "90.0, -300.0")], "0 K and below"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(text: str, changes: list[tuple[str, str]], told: str, tmp_path: Path) -> None:
    path = write(tmp_path, text, *changes)
    with pytest.raises(ConfigError) as found:
        read_case(path)
    assert told in str(found.value)
    assert str(found.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "changes", "told"),
    [
        (OWN, [("90.0, 20.0", "90.0, 9.7")], "leaves the table of solubilities by up to 0.3 K"),
        (
            CASE,
            [('set = "dextrose"', 'set = "dextrose"\nsolubility_measured_C = [35.0, 60.0]')],
            "the temperature leaves 35 to 60 degC, where the solubility was measured, by up to 2 K",
        ),
        (OWN, [(SIEVED, "")], "no crystal ever"),
        (OWN, [("concentration = 0.3", "concentration = 0.2")], "seed crystals stay as they are until it is saturated"),
        (OWN, [("concentration = 0.3", "concentration = 3.0")], "the initial concentration is between"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_flagged(text: str, changes: list[tuple[str, str]], told: str, tmp_path: Path) -> None:
    assert any(told in flag for flag in read_case(write(tmp_path, text, *changes)).flags)
