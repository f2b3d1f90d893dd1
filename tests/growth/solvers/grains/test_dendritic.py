"""Dendritic grains: the fast solver is the reference, envelopes and fronts are what Gandin and Rappaz' law says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from nakaya.cli.app import run
from nakaya.core.errors import FormatError, InputFileError, ParameterError
from nakaya.growth.growing import grow
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.grains import dendritic_cpu as cpu
from nakaya.growth.solvers.grains import dendritic_reference as reference
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains, DendriticGrains3D, DendriticGrowth
from nakaya.growth.solvers.grains.model import DENDRITIC, DENDRITIC_3D
from nakaya.growth.solvers.grains.orientations import draw_orientations, matrices_of, positions
from nakaya.growth.solvers.grains.temperatures import TemperatureHistory
from nakaya.growth.store.store import open_store

KEY = (5, 6)

ENVELOPE_BOUND = 1.0
"""Sites, as sums of components, by which the automaton's surface lies inside the analytic one at most: the ends of
faces that are cut off."""

AREA_BOUND = 0.005
"""Of the envelope's area or volume, at tips 55 and 17 sites from the nucleus."""

FRONT_BOUND = 0.03
"""Of the undercooling at a columnar front; in steps of a site's height times the gradient and in time."""


def history_of(shape: tuple[int, ...]) -> TemperatureHistory:
    rng = np.random.default_rng(1)
    return TemperatureHistory.from_arrays(
        np.array([0.0, 0.1, 0.3]), 890 + 5 * rng.uniform(-1, 1, (3, *shape)), np.float64(893)
    )


@st.composite
def requests(draw: st.DrawFn) -> tuple[DendriticGrowth, GrowthSetup, TemperatureHistory | None]:
    in_space = draw(st.booleans())
    field = draw(st.sampled_from(["uniform", "adiabatic", "bridgman", "file"]))
    values: dict[str, Any] = {"nuclei_density": 3e12 if in_space else 5e7, "exponent": draw(st.sampled_from([2, 2.7]))}
    if field == "adiabatic":
        values |= {"recalescence": 7.0, "cooling_rate": 2.0}
    if field == "bridgman":
        values |= {"gradient": 4e4, "cooling_rate": 30.0, "undercooling": 0.0}
        values |= {"wall_density": 5e8 if in_space else 3e4}
    edges = draw(st.sampled_from(["periodic", "insulated"])) if field != "bridgman" else "insulated"
    model, family = (DENDRITIC_3D, DendriticGrains3D) if in_space else (DENDRITIC, DendriticGrains)
    sides = st.integers(7, 10) if in_space else st.integers(14, 24)
    shape = tuple(draw(sides) for _ in range(model.dimension))
    initial = draw(st.lists(st.tuples(*(st.integers(0, length - 1) for length in shape)), max_size=2))
    setup = model.setup(shape=shape, edges=edges, initial=initial, stop=model.stop(max_steps=200))
    return family(**values), setup, history_of(shape) if field == "file" else None


@settings(max_examples=12, deadline=None)
@given(requests())
def test_it_is_the_reference_to_the_last_bit(
    request_: tuple[DendriticGrowth, GrowthSetup, TemperatureHistory | None],
) -> None:
    params, setup, history = request_
    expected, found = (module.evolve(params, setup, KEY, history) for module in (reference, cpu))
    assert (found.steps, found.stopped_by) == (expected.steps, expected.stopped_by)
    assert (found.arrival == expected.arrival).all()
    assert (found.grain == expected.grain).all()
    for name, values in expected.fields.items():
        assert np.array_equal(found.fields[name], values, equal_nan=True)


def lone(dimension: int, size: int, key: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, float]:
    """Sites of a lone grain, the sum of components from its nucleus at every site, and where its corners should be."""
    model, family = (DENDRITIC_3D, DendriticGrains3D) if dimension == 3 else (DENDRITIC, DendriticGrains)
    centre = size // 2
    setup = model.setup(size=size, initial=[(centre,) * dimension], stop=model.stop(margin=5))
    point = family(nuclei_density=0)
    grown = cpu.evolve(point, setup, key)
    offsets = np.moveaxis(np.indices(setup.shape) - centre, 0, -1).reshape(-1, dimension)
    turned = positions(offsets) @ matrices_of(draw_orientations(key, 1, dimension))[0].T
    tip = grown.steps * point.velocity(8) * point.time_step / point.spacing
    return grown.arrival >= 0, np.abs(turned).sum(axis=1).reshape(setup.shape), tip


@pytest.mark.parametrize(("dimension", "size", "count"), [(2, 121, 20), (3, 41, 20)])
def test_the_envelope_of_a_lone_grain_is_the_square_or_octahedron(dimension: int, size: int, count: int) -> None:
    for number in range(count):
        inside, distance, tip = lone(dimension, size, (number, 7))
        assert distance[inside].max() < tip + 1e-9
        assert distance[~inside].min() > tip - ENVELOPE_BOUND
        assert inside.sum() == pytest.approx((distance <= tip).sum(), rel=AREA_BOUND)


def test_a_columnar_front_has_the_undercooling_of_its_velocity() -> None:
    """A front follows the isotherms at R/G: the undercooling at its tips is that of v = R/G."""
    point = DendriticGrains(
        undercooling=0, gradient=2000, cooling_rate=1.0, nuclei_density=0, wall_density=3e3, time_step=4e-3
    )
    # Tips along the gradient keep up with it at that undercooling; inclined ones grow faster by 1/cos of their angle.
    grown = cpu.evolve(point, DENDRITIC.setup(shape=(700, 60)), KEY)
    velocity = point.cooling_rate / point.gradient
    expected = brentq(lambda undercooling: point.velocity(undercooling) - velocity, 0, 100)
    first = np.where(grown.arrival >= 0, grown.arrival, np.iinfo(np.int32).max).argmin(axis=1)[400:650]
    rows = np.arange(400, 650)
    angles = np.radians(grown.fields["angle"][rows, first])
    inclination = np.minimum(angles, np.pi / 2 - angles)
    needed = np.array([
        brentq(lambda undercooling, slower=slower: point.velocity(undercooling) * slower - velocity, 0, 100)
        for slower in np.cos(inclination)
    ])  # fmt: skip
    assert needed.min() >= expected
    np.testing.assert_allclose(grown.fields["undercooling"][rows, first].mean(), needed.mean(), rtol=FRONT_BOUND)


def test_columns_give_way_to_equiaxed_grains_where_nuclei_need_less_than_the_front() -> None:
    """The front is undercooled by 6 to 8 K; what grains from the wall own, of nuclei that need 4 K, and 10 K."""
    fractions = []
    for need in (4.0, 10.0):
        point = DendriticGrains(
            undercooling=0, gradient=2000, cooling_rate=1, nuclei_density=2e7, nucleation_undercooling=need,
            wall_density=5e3, time_step=4e-3,
        )  # fmt: skip
        grown = cpu.evolve(point, DENDRITIC.setup(shape=(150, 80)), KEY)
        assert grown.grain is not None
        fractions.append(float(np.isin(grown.grain, np.unique(grown.grain[0])).mean()))
    assert fractions[0] < 0.5
    assert fractions[1] == 1


def test_a_melt_that_no_heat_leaves_stops_where_it_has_warmed_up() -> None:
    """f = undercooling / (latent heat over heat capacity), approached from below."""
    point = DendriticGrains(recalescence=16, nuclei_density=1e8)
    setup = DENDRITIC.setup(size=60, edges="periodic", stop=DENDRITIC.stop(max_steps=5000))
    grown = cpu.evolve(point, setup, KEY)
    assert 0.48 < (grown.arrival >= 0).mean() <= 0.5 + 1e-3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"undercooling": -3.0}, "not below the liquidus and cooling_rate=0: nothing can grow"),
        ({"undercooling": 2.0}, "the melt is undercooled by 2 K at most and its nuclei need"),
        ({"nuclei_density": 0.0}, "grains are expected"),
        ({"nuclei_density": 1e15}, "lower nuclei_density or wall_density"),
        ({"time_step": 0.1}, "time_step=0.1 s is unstable: at an undercooling of 8 K envelopes grow by 9.5 sites"),
    ],
)
def test_what_cannot_grow_is_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        grow(DendriticGrains(**{"nuclei_density": 3e7} | change), model=DENDRITIC, size=64, seed=1)


def test_a_gradient_and_joined_sides_are_refused() -> None:
    with pytest.raises(ParameterError, match="use insulated"):
        grow(DendriticGrains(gradient=10, nuclei_density=3e7), model=DENDRITIC, size=64, edges="periodic", seed=1)


def test_files_of_temperatures_are_read_and_gaps_refused(tmp_path: Path) -> None:
    time, temperature = np.array([0.0, 1.0]), np.full((2, 9, 8), 890.0)
    np.savez(tmp_path / "whole.npz", time=time, temperature=temperature, liquidus=893.0)
    assert TemperatureHistory.read(tmp_path / "whole.npz").undercoolings.max() == 3
    temperature[1, 2, 3] = np.nan
    np.savez(tmp_path / "gaps.npz", time=time, temperature=temperature, liquidus=893.0)
    with pytest.raises(FormatError, match="gaps: 1 values are not finite, the first at 1 s"):
        TemperatureHistory.read(tmp_path / "gaps.npz")
    for stand_in in (-9999.0, 0.0):  # as loggers write what they did not see; or degrees Celsius
        odd = np.full((2, 9, 8), 890.0)
        odd[0, 1, 1] = stand_in
        np.savez(tmp_path / "odd.npz", time=time, temperature=odd, liquidus=893.0)
        with pytest.raises(FormatError, match="Give kelvins, and fill gaps in"):
            TemperatureHistory.read(tmp_path / "odd.npz")
    np.savez(tmp_path / "warm.npz", time=time, temperature=np.full((2, 9, 8), 900.0), liquidus=893.0)
    with pytest.raises(FormatError, match="never below the liquidus of 893 K"):
        TemperatureHistory.read(tmp_path / "warm.npz")
    np.savez(tmp_path / "short.npz", time=time[::-1], temperature=temperature, liquidus=893.0)
    with pytest.raises(FormatError, match="time does not increase from 0"):
        TemperatureHistory.read(tmp_path / "short.npz")
    np.savez(tmp_path / "less.npz", time=time)
    with pytest.raises(FormatError, match="lacks temperature, liquidus"):
        TemperatureHistory.read(tmp_path / "less.npz")
    with pytest.raises(InputFileError):
        TemperatureHistory.read(tmp_path / "none.npz")
    with pytest.raises(ParameterError, match=r"not \(8, 8\): use --shape 9,8"):
        TemperatureHistory.read(tmp_path / "whole.npz").check(DENDRITIC.setup(size=8))


def test_the_command_line_takes_a_file_of_temperatures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A uniform, constant temperature in a file grows what the same undercooling grows, under another hash."""
    temperature = np.full((2, 12, 14), 885.0)
    np.savez(tmp_path / "field.npz", time=np.array([0.0, 9.0]), temperature=temperature, liquidus=893.0)
    words = ["grow", "grains-dendritic", "--shape", "12,14", "--nuclei-density", "1e8", "--seed", "3"]
    assert run([*words, "--temperatures", str(tmp_path / "field.npz"), "--out", str(tmp_path / "one.zarr")]) == 0
    assert run([*words, "--out", str(tmp_path / "other.zarr")]) == 0
    one, other = (open_store(tmp_path / name).load() for name in ("one.zarr", "other.zarr"))
    assert (one.arrival == other.arrival).all()
    assert one.metadata.model_hash != other.metadata.model_hash
    temperature[0, 3, 4] = np.nan
    np.savez(tmp_path / "gaps.npz", time=np.array([0.0, 9.0]), temperature=temperature, liquidus=893.0)
    capsys.readouterr()
    assert run([*words, "--temperatures", str(tmp_path / "gaps.npz")]) == 2
    said = capsys.readouterr().err
    assert "gaps" in said
    assert said.count("\n") == 1
