"""Which shape has the crystal? Slabs across any side, at a wall, in tilted boxes; rods, spheres, and none of these."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.samples.pooled import early_velocity
from nakaya.md.interfaces import fit_velocity, follow_crystal, follow_slab
from nakaya.md.order.bond_order import FCC, environment, solid_atoms
from nakaya.md.order.neighbours import nearest_neighbours
from nakaya.md.patches import interface_patch
from nakaya.md.shapes import MIN_EXPLAINED, SLAB, Shape, best_shape, condensed, gap_directions, misfits, shapes
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory
from nakaya.records.record import Record

EDGE = 3.7
VOLUME = EDGE**3 / 4
OPTIONS = TrajectoryOptions(
    lammps_units="metal", elements=["Cu"], time_step_ps=0.002, temperature=1200.0, melting_point=1327.0,
    latent_heat=12e3,
)  # fmt: skip

Solid = Callable[[FloatArray, FloatArray], BoolArray]
"""Takes positions float64 [atom, 3] and the sides of an upright box float64 [3], A."""


def frame_of(cells: tuple[int, int, int], solid: Solid, seed: int) -> Frame:
    """Warm crystal where `solid` says, strong disorder of the same density elsewhere."""
    positions, box = build_crystal("fcc", "100", EDGE, cells)
    amplitude = np.where(solid(positions, box), 0.08, 0.9)[:, None]
    positions = positions + np.random.default_rng(seed).normal(0, 1, positions.shape) * amplitude
    return Frame(seed, None, positions, np.diag(box), np.full(len(positions), "Cu"))


def slab(thickness: float, axis: int = 2) -> Solid:
    return lambda positions, box: np.abs(positions[:, axis] - box[axis] / 2) < thickness / 2


def wall(thickness: float, axis: int = 2) -> Solid:
    return lambda positions, box: positions[:, axis] < thickness


def ball(radius: float, *directions: int) -> Solid:
    chosen = list(directions)
    return lambda positions, box: np.linalg.norm((positions - box / 2)[:, chosen], axis=1) < radius


def inverse(solid: Solid) -> Solid:
    return lambda positions, box: ~solid(positions, box)


def dump_of(frames: Sequence[Frame], *, flags: str = "pp pp pp", steps: int = 500) -> str:
    """A dump of upright boxes or of ones that are tilted as LAMMPS has it."""
    text = ""
    for number, frame in enumerate(frames):
        cell = frame.cell
        xy, xz, yz = cell[1, 0], cell[2, 0], cell[2, 1]
        low = np.array([min(0, xy, xz, xy + xz), min(0, yz), 0])
        high = cell.diagonal() + np.array([max(0, xy, xz, xy + xz), max(0, yz), 0])
        tilts = ["", "", ""] if not (xy or xz or yz) else [f" {tilt:.10g}" for tilt in (xy, xz, yz)]
        sides = "".join(f"{a:.10g} {b:.10g}{tilt}\n" for a, b, tilt in zip(low, high, tilts, strict=True))
        names = "xy xz yz " if any(tilts) else ""
        rows = "".join(f"{n} 1 {x:.5f} {y:.5f} {z:.5f} -3\n" for n, (x, y, z) in enumerate(frame.positions, 1))
        text += (
            f"ITEM: TIMESTEP\n{number * steps}\nITEM: NUMBER OF ATOMS\n{len(frame.positions)}\n"
            f"ITEM: BOX BOUNDS {names}{flags}\n{sides}ITEM: ATOMS id type x y z c_energy\n{rows}"
        )
    return text


def ingest(folder: Path, frames: Sequence[Frame], *, flags: str = "pp pp pp") -> Record:
    path = folder / "run.dump"
    path.write_text(dump_of(frames, flags=flags))
    return ingest_trajectory(path, OPTIONS)


def shape_of(frame: Frame) -> tuple[Shape, float]:
    frame = condensed(frame, gap_directions(frame))
    seen = environment(frame.positions, frame.cell, neighbours=12, periodic=frame.periodic)
    candidates = shapes(frame.periodic)
    return best_shape(candidates, misfits(candidates, frame, solid_atoms(seen, FCC)))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("across", [8, 16], ids=["shortest side", "longest side"])
def test_slabs_are_seen_across_any_side(axis: int, across: int) -> None:
    cells = [12, 12, 12]
    cells[axis] = across
    num, *rest = cells
    shape, explained = shape_of(frame_of((num, rest[0], rest[1]), slab(0.45 * across * EDGE, axis), 1))
    assert shape == Shape((axis,))
    assert shape.num_interfaces == 2
    assert explained > 0.8


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rods_are_seen_along_any_side(axis: int) -> None:
    cells = [12, 13, 14]
    cells[axis] = 4
    across = tuple(direction for direction in range(3) if direction != axis)
    frame = frame_of((cells[0], cells[1], cells[2]), ball(15.0, *across), 2)
    assert shape_of(frame)[0] == Shape(across)
    assert shape_of(frame_of((cells[0], cells[1], cells[2]), inverse(ball(15.0, *across)), 2))[0] == Shape(across, True)


def test_spheres_of_either_phase_are_seen() -> None:
    everywhere = (0, 1, 2)
    assert shape_of(frame_of((12, 12, 13), ball(15.0, *everywhere), 3))[0] == Shape(everywhere)
    assert shape_of(frame_of((12, 12, 13), inverse(ball(15.0, *everywhere)), 3))[0] == Shape(everywhere, of_melt=True)


def cap(positions: FloatArray, box: FloatArray) -> BoolArray:
    return np.asarray(np.linalg.norm(positions - box * [0.5, 0.5, 0.0], axis=1) < 20)


def diagonal(positions: FloatArray, box: FloatArray) -> BoolArray:
    phase = (positions[:, 0] / box[0] + positions[:, 1] / box[1]) % 1.0
    return np.asarray(phase < 0.5)


def two_slabs(positions: FloatArray, box: FloatArray) -> BoolArray:
    return np.asarray((2 * positions[:, 2] / box[2]) % 1.0 < 0.5)


@pytest.mark.parametrize("solid", [diagonal, two_slabs])
def test_what_has_none_of_the_shapes_is_said_to_have_none(solid: Solid) -> None:
    assert shape_of(frame_of((14, 14, 14), solid, 4))[1] < MIN_EXPLAINED


def test_a_cap_on_a_wall_is_none_of_the_shapes() -> None:
    assert shape_of(replace(frame_of((14, 14, 12), cap, 4), periodic=(True, True, False)))[1] < MIN_EXPLAINED


@pytest.mark.parametrize("axis", [0, 2])
def test_a_crystal_at_a_wall_has_one_interface(axis: int) -> None:
    cells, periodic = [6, 6, 6], [True, True, True]
    cells[axis], periodic[axis] = 24, False
    frame = frame_of((cells[0], cells[1], cells[2]), wall(35.0, axis), 5)
    frame = replace(frame, periodic=(periodic[0], periodic[1], periodic[2]))
    lower, upper = shape_of(frame)[0], shape_of(replace(frame, positions=frame.cell.diagonal() - frame.positions))[0]
    assert (lower, upper) == (Shape((axis,), wall=-1), Shape((axis,), wall=1))
    assert lower.num_interfaces == 1


def test_a_crystal_away_from_the_walls_has_two_interfaces_and_one_with_a_molten_surface_has_not() -> None:
    def free(low: float, high: float) -> Shape:
        frame = frame_of((6, 6, 30), lambda positions, _: (positions[:, 2] > low) & (positions[:, 2] < high), 6)
        return shape_of(replace(frame, periodic=(True, True, False)))[0]

    assert free(35.0, 70.0) == Shape((2,))
    assert free(5.0, 50.0) == Shape((2,), wall=-1)


def test_melt_between_two_walls_of_crystal_has_two_interfaces() -> None:
    frame = replace(frame_of((6, 6, 30), inverse(slab(50.0)), 6), periodic=(True, True, False))
    assert shape_of(frame)[0] == Shape((2,), of_melt=True)
    assert shape_of(frame)[0].num_interfaces == 2


def test_nothing_is_felt_across_a_side_that_is_not_periodic() -> None:
    positions = np.array([[0.5, 5, 5], [9.5, 5, 5], [4.0, 5, 5]])
    near, _ = nearest_neighbours(positions, np.eye(3) * 10, 1)
    apart, _ = nearest_neighbours(positions, np.eye(3) * 10, 1, periodic=(False, True, True))
    assert near[:2, 0].tolist() == [1, 0]
    assert apart[:, 0].tolist() == [2, 2, 0]


def test_a_box_that_is_upright_periodic_and_full_is_left_as_it_is() -> None:
    frame = frame_of((4, 4, 12), slab(20.0), 7)
    assert condensed(frame) is frame


@pytest.mark.parametrize("turns", [(1, 0), (4, 0), (-2, 3)])
def test_a_tilted_box_is_the_same_crystal(tmp_path: Path, turns: tuple[int, int]) -> None:
    """c' = c + m a + n b spans the same lattice: as high, and its interfaces as large."""
    frames = [frame_of((4, 5, 36), slab(40 + 2.0 * number), number) for number in range(12)]
    cell = frames[0].cell.copy()
    cell[2] += turns[0] * cell[0] + turns[1] * cell[1]
    upright, tilted = ingest(tmp_path, frames), ingest(tmp_path, [replace(frame, cell=cell) for frame in frames])
    for record in (upright, tilted):
        assert record.conditions["front_area"].value == pytest.approx(4 * 5 * EDGE**2 * 1e-20, rel=1e-6)
    expected = upright.quantities["growth_velocity"].value
    assert expected == pytest.approx(100.0, abs=100 * EDGE / 12)
    assert tilted.quantities["growth_velocity"].value == pytest.approx(expected, rel=1e-6)
    assert tilted.flags == upright.flags == ()


def test_the_height_of_a_sheared_box_is_not_the_length_of_its_edge() -> None:
    """A tilt of less than half an edge stays: area |a x b|, height |c . n|."""
    frames = [frame_of((8, 8, 30), slab(40 + 2.0 * number), number) for number in range(8)]
    cell = frames[0].cell.copy()
    cell[2, 0] = 0.45 * cell[0, 0]
    history = follow_crystal([replace(frame, cell=cell) for frame in frames], FCC, frame_ps=1.0)
    assert history.shape == SLAB
    assert history.area == pytest.approx((8 * EDGE) ** 2)
    assert history.lengths == pytest.approx(np.full(8, 30 * EDGE))
    assert fit_velocity(history, VOLUME, VOLUME).velocity.value == pytest.approx(100.0, abs=100 * EDGE / 8)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_slab_across_a_shorter_side_gives_its_velocity(tmp_path: Path, axis: int) -> None:
    cells = [20, 20, 20]
    cells[2], cells[1 - axis] = 24, 3
    frames = [frame_of((cells[0], cells[1], cells[2]), slab(22 + 1.0 * n, axis), n) for n in range(12)]
    record = ingest(tmp_path, frames)
    assert record.quantities["growth_velocity"].value == pytest.approx(50.0, abs=100 * EDGE / 12)
    assert record.conditions["front_area"].value == pytest.approx(3 * 24 * EDGE**2 * 1e-20, rel=1e-6)
    assert record.flags == ()


def walls(at: str) -> list[Frame]:
    def solid(thickness: float) -> Solid:
        return wall(thickness) if at == "low" else lambda positions, box: positions[:, 2] > box[2] - thickness

    return [frame_of((4, 4, 40), solid(45 + 1.0 * number), number) for number in range(12)]


@pytest.mark.parametrize("at", ["low", "high"])
@pytest.mark.parametrize("flags", ["pp pp ff", "pp pp ss", "pp pp fs"])
def test_one_interface_moves_with_all_that_the_crystal_gains(tmp_path: Path, at: str, flags: str) -> None:
    record = ingest(tmp_path, walls(at), flags=flags)
    # 1 A/ps is 100 m/s; half of it, were there two.
    assert record.quantities["growth_velocity"].value == pytest.approx(100.0, abs=100 * EDGE / 12)
    assert record.conditions["num_interfaces"].value == 1
    assert early_velocity(record) == pytest.approx(100.0, abs=100 * EDGE / 10)
    assert record.flags == ()


def test_a_layer_of_vacuum_makes_a_box_end_there_and_is_said(tmp_path: Path) -> None:
    frames = walls("low")
    taller = np.diag([4 * EDGE, 4 * EDGE, 40 * EDGE + 30])
    # The crystal goes on through the lower side: the gap lies inside the box.
    moved = [replace(frame, cell=taller, positions=frame.positions - [0, 0, 12.0]) for frame in frames]
    record = ingest(tmp_path, moved)
    assert record.quantities["growth_velocity"].value == pytest.approx(100.0, abs=100 * EDGE / 12)
    assert [flag for flag in record.flags if "vacuum" in flag] == list(record.flags)
    assert record.quantities["volume_per_atom"].values[0] == pytest.approx(VOLUME * 1e-30, rel=0.02)


@pytest.mark.parametrize(("directions", "rate"), [((0, 1), 1.0), ((0, 1), -1.0), ((0, 2), 1.0), ((0, 1, 2), 1.0)])
def test_a_seed_gives_the_rate_of_its_radius_and_its_shape_is_said(
    tmp_path: Path, directions: tuple[int, ...], rate: float
) -> None:
    cells = [18, 18, 18]
    if len(directions) == 2:
        cells[3 - sum(directions)] = 3
    start = 17.0 if rate > 0 else 26.0
    frames = [frame_of((cells[0], cells[1], cells[2]), ball(start + rate * n, *directions), n) for n in range(7)]
    record = ingest(tmp_path, frames)
    assert record.quantities["growth_velocity"].value == pytest.approx(100 * rate, rel=0.06)
    shape = f"rod along box vector {'abc'[3 - sum(directions)]}" if len(directions) == 2 else "sphere"
    assert any(shape in flag and "rate of the radius" in flag for flag in record.flags)
    assert "solid_thickness" not in record.quantities
    assert "front_area" not in record.conditions
    assert math.isnan(early_velocity(record))  # what was seen early is no motion of a flat interface


def test_a_crystal_that_closes_around_its_melt_grows(tmp_path: Path) -> None:
    frames = [frame_of((18, 18, 3), inverse(ball(25.0 - 0.8 * n, 0, 1)), n) for n in range(9)]
    record = ingest(tmp_path, frames)
    assert record.quantities["growth_velocity"].value == pytest.approx(80, rel=0.06)
    assert any("of melt" in flag for flag in record.flags)


@pytest.mark.parametrize("solid", [diagonal, two_slabs])
def test_no_velocity_follows_from_another_shape(tmp_path: Path, solid: Solid) -> None:
    record = ingest(tmp_path, [frame_of((14, 14, 14), solid, number) for number in range(8)])
    assert "growth_velocity" not in record.quantities
    assert any("no velocity follows" in flag or "second crystal" in flag for flag in record.flags)


def test_a_rod_that_becomes_a_slab_gives_no_velocity(tmp_path: Path) -> None:
    changing = [ball(19.0 + 0.3 * n, 0, 1) for n in range(5)] + [slab(36.0 + 0.5 * n, 1) for n in range(5)]
    record = ingest(tmp_path, [frame_of((18, 18, 3), solid, number) for number, solid in enumerate(changing)])
    assert "growth_velocity" not in record.quantities
    assert any("the shape of the crystal changed" in flag for flag in record.flags)


def test_a_patch_of_one_interface_lies_around_it() -> None:
    frame = frame_of((5, 5, 40), wall(60.0), 0)
    for positions, side in ((frame.positions, -1), (frame.cell.diagonal() - frame.positions, 1)):
        here = replace(frame, positions=positions, periodic=(True, True, False))
        seen = environment(here.positions, here.cell, neighbours=12, periodic=here.periodic)
        heights = here.positions[interface_patch(here, solid_atoms(seen, FCC), wall=side), 2]
        assert np.median(heights) == pytest.approx(60.0 if side < 0 else 88.0, abs=4.0)


def test_our_own_runs_say_that_the_crystal_is_no_slab() -> None:
    frames = [frame_of((18, 18, 6), ball(18.0 + n, 0, 1), n) for n in range(8)]
    fit = fit_velocity(follow_slab(frames, FCC, frame_ps=1.0), VOLUME, VOLUME)
    assert "rod" in fit.odd_shape
