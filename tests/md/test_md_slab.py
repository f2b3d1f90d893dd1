"""A crystal between two fronts: velocity, window, evidence, ingestion. Synthetic slabs with a known velocity."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.core.errors import FormatError, NakayaError, UnstatedError
from nakaya.crystallography.lattices import build_crystal
from nakaya.md.interfaces import _second_crystal, fit_velocity, follow_slab
from nakaya.md.order.bond_order import (
    FCC,
    alignment,
    averaged_harmonics,
    cluster_sizes,
    environment,
    solid_atoms,
)
from nakaya.md.patches import interface_patch, read_patches, write_patches
from nakaya.md.shapes import slab_centre
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory
from nakaya.records.store import check_record, from_json, to_json

EDGE = 3.7
CELLS = (3, 3, 40)
VOLUME = EDGE**3 / 4


def slab_frame(
    thickness: float,
    *,
    seed: int = 0,
    temperature: float = 1200.0,
    centre: float = 74.0,
    inner: float = 0.08,
    second: float = 0.0,
) -> Frame:
    """A slab of warm crystal, `thickness` A thick, in strongly disordered surroundings of the same density.

    A second slab of `second` A lies half a box away.
    """
    positions, box = build_crystal("fcc", "100", EDGE, CELLS)
    rng = np.random.default_rng(seed)
    outside = np.abs(positions[:, 2] - centre) > thickness / 2
    outside &= np.minimum(positions[:, 2], box[2] - positions[:, 2]) > second / 2
    spread = np.where(outside, 0.9, inner)[:, None]
    positions = positions + rng.normal(0, 1, positions.shape) * spread
    sigma = np.sqrt(BOLTZMANN * temperature / 63.546)
    velocities = rng.normal(0, sigma, positions.shape)
    return Frame(seed, None, positions, np.diag(box), np.full(len(positions), "Cu"), velocities)


def growing(velocity: float, frames: int, *, start: float = 40.0) -> Iterator[Frame]:
    """Frames one ps apart in which both fronts move with `velocity` A/ps."""
    return (slab_frame(start + 2 * velocity * number, seed=number) for number in range(frames))


LAYER = EDGE / 2
"""Fronts of the synthetic slab jump from layer to layer."""


@pytest.mark.parametrize("velocity", [0.9, -0.6])
def test_the_velocity_of_a_known_slab_is_found_by_both_classifiers(velocity: float) -> None:
    history = follow_slab(growing(velocity, 18, start=50.0), FCC, frame_ps=1.0)
    first, second = (fit_velocity(history, VOLUME, VOLUME, rule=rule).velocity.value for rule in (0, 1))
    assert first == pytest.approx(100 * velocity, abs=100 * LAYER / 18)
    assert first == pytest.approx(second, rel=0.10)
    assert history.volumes[0] == pytest.approx(VOLUME, rel=0.02)


def test_the_final_coalescence_is_left_out() -> None:
    # 148 A box: the fronts are 25 A from each other when the slab is 123 A thick, at 14 ps; then nothing more happens.
    thickness = [min(40.0 + 6.0 * number, 148.0) for number in range(30)]
    frames = [slab_frame(value, seed=number) for number, value in enumerate(thickness)]
    fit = fit_velocity(follow_slab(frames, FCC, frame_ps=1.0), VOLUME, VOLUME)
    assert "the interfaces met" in fit.flags[0]
    assert fit.window_ps[1] == pytest.approx(13, abs=1)
    assert fit.velocity.value == pytest.approx(300.0, rel=0.05)
    naive = np.polyfit(np.arange(30.0), np.array(thickness) / 2, 1)[0] * 100
    assert naive < 0.75 * fit.velocity.value  # what the trap would have cost


def test_a_crystal_born_in_the_melt_ends_the_fit() -> None:
    # The slab grows by 1.2 A/ps at each front; from 16 ps on a second one grows at 3 A/ps far from it.
    sizes = [(40.0 + 2.4 * number, 25.0 + 2.0 * (number - 16) if number >= 16 else 0.0) for number in range(32)]
    frames = [slab_frame(first, seed=number, second=other) for number, (first, other) in enumerate(sizes)]
    history = follow_slab(frames, FCC, frame_ps=1.0)
    fit = fit_velocity(history, VOLUME, VOLUME)
    assert "a second crystal nucleated in the melt" in fit.flags[0]
    assert 14 <= fit.window_ps[1] <= 23
    assert fit.velocity.value == pytest.approx(120.0, rel=0.10)
    blind = fit_velocity(replace(history, second_crystal=np.zeros(32, dtype=int)), VOLUME, VOLUME)
    assert blind.velocity.value > 1.15 * fit.velocity.value  # what the trap would have cost
    # What comes after the second crystal changes nothing, not even what is taken for mistakes of the classifier.
    cut = round(fit.window_ps[1]) + 1
    before = fit_velocity(follow_slab(frames[:cut], FCC, frame_ps=1.0), VOLUME, VOLUME)
    assert fit.velocity.value == pytest.approx(before.velocity.value, rel=1e-12)
    assert history.mistaken(0)[1] < history.deep_liquid[:, 1].sum() / history.deep_liquid[:, 0].sum()


def test_a_second_crystal_is_the_next_largest_one_or_the_largest_that_lies_otherwise() -> None:
    """Balls of perfect crystal in a perfect crystal, of which only their atoms are taken for solid."""
    positions, box = build_crystal("fcc", "100", EDGE, (9, 9, 9))
    around = environment(positions, np.diag(box), neighbours=12)
    q = averaged_harmonics(around, 6)
    middles, radii = ((6.0, 6.0, 6.0), (20.0, 20.0, 20.0), (6.0, 27.0, 27.0)), (6.0, 8.0, 5.0)
    balls = [np.linalg.norm(positions - middle, axis=1) < radius for middle, radius in zip(middles, radii, strict=True)]
    small, large, least = (int(ball.sum()) for ball in balls)
    solid = np.any(balls, axis=0)
    assert large > small > least > 0
    assert cluster_sizes(around, solid) == [large, small, least]
    reference = q[solid].sum(axis=0)
    assert _second_crystal(around, solid, reference, None) == small
    assert _second_crystal(around, balls[1] | balls[2], reference, None) == least
    assert _second_crystal(around, balls[1], reference, None) == 0
    assert _second_crystal(around, balls[1], -reference, None) == large  # all of it lies otherwise


def test_a_velocity_without_an_error_from_the_few_frames_before_an_end_is_none() -> None:
    frames = [slab_frame(40.0 + 2.4 * number, seed=number) for number in range(12)]
    history = follow_slab(frames, FCC, frame_ps=1.0)
    for born, known in ((5, False), (9, True)):
        second = np.where(np.arange(12) >= born, 400, 0)
        fit = fit_velocity(replace(history, second_crystal=second), VOLUME, VOLUME)
        assert np.isfinite(fit.velocity.value) == known
        assert ("too few frames are left" in fit.flags) != known


def turned(frame: Frame, low: float, high: float) -> Frame:
    """The frame with a crystal of another orientation between two heights."""
    positions, box = build_crystal("fcc", "100", EDGE, (9, 9, 60))
    turn = Rotation.from_rotvec([0.5, 0.3, 0.2]).as_matrix()
    positions = (positions - box / 2) @ turn.T + frame.cell.diagonal() / 2
    inside = ((positions >= 0) & (positions < frame.cell.diagonal())).all(axis=1)
    new = positions[inside & (positions[:, 2] > low) & (positions[:, 2] < high)]
    replaced = np.flatnonzero((frame.positions[:, 2] > low) & (frame.positions[:, 2] < high))
    num = min(len(new), len(replaced))
    moved = frame.positions.copy()
    moved[replaced[:num]] = new[:num]
    kept = np.ones(len(moved), dtype=bool)
    kept[replaced[num:]] = False
    return replace(frame, positions=moved[kept], species=frame.species[kept], velocities=None)


def test_a_crystal_that_touches_the_slab_and_stands_otherwise_is_a_second_one() -> None:
    alone, joined = slab_frame(60.0, seed=1), turned(slab_frame(60.0, seed=1), 90.0, 125.0)
    found = []
    for frame in (alone, joined):
        local_environment = environment(frame.positions, frame.cell, neighbours=12)
        groups = cluster_sizes(local_environment, solid_atoms(local_environment, FCC))
        assert max(groups[1:], default=0) < 20  # one connected group: only its orientation tells
        history = follow_slab([replace(frame, time_ps=float(number)) for number in range(3)], FCC)
        found.append(int(history.second_crystal[0]))
    # The box is narrow, and a turned crystal does not fit through its sides: a part of the 500 atoms is solid.
    assert found[0] < 20
    assert found[1] > 100


def test_a_twin_in_the_front_and_a_stacking_fault_are_not_a_second_crystal() -> None:
    # Layers A B C A B C .. become A B C B A C B A ..: the upper half mirrors the lower one, with a stacking fault at
    # each of the two planes where they meet.
    positions, box = build_crystal("fcc", "111", EDGE, (4, 3, 12))
    heights = np.unique(positions[:, 2].round(6))
    layer = np.searchsorted(heights, positions[:, 2].round(6))
    spots = [positions[layer == number][:, :2] for number in range(3)]
    num = len(heights)
    parts = [
        np.column_stack([spots[(number if number < num // 2 else -number) % 3], np.full(len(spots[0]), height)])
        for number, height in enumerate(heights)
    ]
    twinned = np.concatenate(parts)
    twinned += np.random.default_rng(3).normal(0, 0.05, twinned.shape)
    frame = Frame(0, 0.0, twinned, np.diag(box), np.full(len(twinned), "Cu"), None)
    history = follow_slab([replace(frame, time_ps=float(number)) for number in range(3)], FCC)
    assert history.solid[0, 0] == len(twinned)
    assert history.second_crystal.tolist() == [0, 0, 0]
    q = averaged_harmonics(environment(twinned, np.diag(box), neighbours=12), 6)
    inner = np.isclose(twinned[:, 2], heights[3 * num // 4], atol=0.5)  # deep in the twin
    assert alignment(q[inner], q[np.isclose(twinned[:, 2], heights[num // 4], atol=0.5)].sum(axis=0)).max() < 0.5


def test_a_slab_that_melts_away_is_followed_until_it_is_thin() -> None:
    fit = fit_velocity(follow_slab(growing(-1.5, 16, start=50.0), FCC, frame_ps=1.0), VOLUME, VOLUME)
    assert any("melted away" in flag for flag in fit.flags)
    assert fit.velocity.value == pytest.approx(-150.0, rel=0.10)


def test_the_temperature_profile_shows_a_hot_front() -> None:
    frames = []
    for number in range(4):
        frame = slab_frame(60.0, seed=number)
        assert frame.velocities is not None
        distance = np.abs(frame.positions[:, 2] - 74.0)
        hot = np.where(np.abs(distance - 30.0) < 7.5, 1.2, 1.0)[:, None]
        frames.append(replace(frame, velocities=frame.velocities * np.sqrt(hot)))
    history = follow_slab(frames, FCC, frame_ps=1.0)
    near = np.abs(history.profile_distance - 30.0) < 5.0
    # Some 700 atoms at the front and 1,000 inside: kinetic temperatures are known to 3 %.
    assert history.temperature_profile[near].mean() == pytest.approx(1440.0, rel=0.07)
    assert history.temperature_profile[history.profile_distance < 15].mean() == pytest.approx(1200.0, rel=0.07)


def test_evidence_does_not_know_the_future() -> None:
    early = list(growing(0.5, 11))
    noisy = (slab_frame(90.0, seed=90 + n, inner=0.3) for n in range(3))  # a later crystal that is hard to recognise
    one = follow_slab([*early, *noisy], FCC, frame_ps=1.0)
    other = follow_slab([*early, *(slab_frame(20.0, seed=70 + n) for n in range(3))], FCC, frame_ps=1.0)
    assert one.mistaken(0)[0] < 0.99 * other.mistaken(0)[0]  # so the future would show if it were used
    assert one.thickness(VOLUME, until_ps=10.0) == pytest.approx(other.thickness(VOLUME, until_ps=10.0), abs=0)
    for name, values in one.pooled.items():
        assert np.array_equal(values[:11], other.pooled[name][:11], equal_nan=True), name


def test_the_middle_of_a_slab_is_found_across_the_boundary() -> None:
    heights = np.array([1.0, 99.0, 98.0, 2.0, 50.0])
    assert slab_centre(heights, np.array([True, True, True, True, False]), 100.0) == pytest.approx(0.0, abs=1e-9)


def test_an_atom_count_that_changes_is_an_error() -> None:
    frame = slab_frame(40.0)
    shorter = replace(frame, positions=frame.positions[:-1], species=frame.species[:-1], velocities=None)
    with pytest.raises(FormatError, match="atoms after frames of"):
        follow_slab([frame, shorter], FCC, frame_ps=1.0)
    with pytest.raises(FormatError, match="too few"):
        follow_slab([frame], FCC, frame_ps=1.0)


def test_a_patch_lies_around_the_front_and_survives_the_file(tmp_path: Path) -> None:
    kept = []
    for number, centre in enumerate((74.0, 5.0, 140.0)):  # also across the periodic boundary
        frame = slab_frame(50.0, seed=number, centre=centre)
        seen = environment(frame.positions, frame.cell, neighbours=12)
        # The synthetic slab is cut at the boundary for the last two centres; the mask of atoms is what counts.
        kept.append((float(number), frame, solid_atoms(seen, FCC)))
    chosen = interface_patch(kept[0][1], kept[0][2])
    heights = kept[0][1].positions[chosen, 2]
    assert len(chosen) == 500
    assert np.median(heights) == pytest.approx(74.0 + 25.0, abs=5.0)
    assert 0.3 < kept[0][2][chosen].mean() < 0.7  # half crystal, half melt
    path = tmp_path / "p.npz"
    digest = write_patches(path, kept)
    assert write_patches(tmp_path / "q.npz", kept) == digest  # the same patches give the same bytes
    frames = read_patches(path, "Cu")
    offset = frames[0].positions - kept[0][1].positions[chosen]
    offset -= np.round(offset @ np.linalg.inv(kept[0][1].cell)) @ kept[0][1].cell
    assert np.abs(offset).max() < 148 / 65536 + 1e-4
    assert path.stat().st_size < 30_000
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FormatError):
        read_patches(path, "Cu")


def dump_of(frames: list[Frame]) -> str:
    text = ""
    for number, frame in enumerate(frames):
        sides = "".join(f"0 {side:.8g}\n" for side in np.diag(frame.cell))
        assert frame.velocities is not None
        rows = "".join(
            f"{n} 1 {' '.join(f'{value:.5f}' for value in [*place, *speed])}\n"
            for n, (place, speed) in enumerate(zip(frame.positions, frame.velocities, strict=True), 1)
        )
        text += (
            f"ITEM: TIMESTEP\n{number * 500}\nITEM: NUMBER OF ATOMS\n{len(frame.positions)}\n"
            f"ITEM: BOX BOUNDS pp pp pp\n{sides}ITEM: ATOMS id type x y z vx vy vz\n{rows}"
        )
    return text


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dump") / "mine.dump.gz"
    path.write_bytes(gzip.compress(dump_of(list(growing(0.6, 12))).encode(), compresslevel=1))
    return path


METAL = TrajectoryOptions(lammps_units="metal", elements=["Cu"], time_step_ps=0.002)


def test_a_dump_of_somebody_else_becomes_a_record(dump: Path) -> None:
    record = ingest_trajectory(dump, METAL)
    check_record(record)
    assert from_json(to_json(record)) == record
    assert record.quantities["growth_velocity"].value == pytest.approx(60, abs=100 * 2 * LAYER / 12)
    assert record.conditions["temperature"].value == pytest.approx(1200, rel=0.03)
    assert record.status == "flagged"  # the driving force of an unmeasured potential is not known
    assert record.evidence["solid_fraction"].values.shape == (11,)
    assert record.quantities["solid_fraction"].values.shape == (12,)


def test_the_driving_force_comes_from_the_potential_or_not_at_all(dump: Path) -> None:
    given = ingest_trajectory(dump, replace(METAL, melting_point=1327.0, latent_heat=12e3, temperature=1200.0))
    assert given.driving_force.value == pytest.approx(12e3 * 127 / (8.314462618 * 1327 * 1200), rel=1e-6)
    assert [flag for flag in given.flags if "energies" not in flag] == []
    silent = ingest_trajectory(dump, replace(METAL, temperature=1200.0), known=[given])
    assert np.isnan(silent.driving_force.value)


def test_without_times_there_is_no_velocity_but_a_flag(dump: Path) -> None:
    record = ingest_trajectory(dump, replace(METAL, time_step_ps=None))
    assert "growth_velocity" not in record.quantities
    assert any("no times" in flag for flag in record.flags)


def test_a_truncated_dump_is_a_flagged_record(dump: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.dump.gz"
    content = dump.read_bytes()
    short.write_bytes(content[: len(content) // 2])
    record = ingest_trajectory(short, METAL)
    assert record.status == "flagged"
    assert any("cut after" in flag for flag in record.flags)
    short.write_bytes(content[: len(content) // 10])
    with pytest.raises(FormatError):
        ingest_trajectory(short, METAL)


def test_a_wrong_unit_style_does_not_pass_silently(dump: Path) -> None:
    record = ingest_trajectory(dump, replace(METAL, lammps_units="real", time_step_ps=2e-6))
    # Velocities in A/fs mean millions of kelvin: the record says so instead of looking plausible.
    assert record.status == "flagged"
    assert any("temperature" in flag for flag in record.flags)


def test_options_that_make_no_sense_are_refused() -> None:
    for changes in ({"time_step_ps": -1.0}, {"temperature": 0.0}, {"frame_ps": 1.0}, {"structure": "fccc"}):
        with pytest.raises(NakayaError):
            replace(METAL, **changes)  # type: ignore[arg-type]


def test_the_structure_of_an_unknown_crystal_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "ni.dump"
    path.write_text(dump_of([slab_frame(40.0, seed=n) for n in range(3)]))
    with pytest.raises(UnstatedError, match="give fcc"):
        ingest_trajectory(path, replace(METAL, elements=["Ni"]))
    assert ingest_trajectory(path, replace(METAL, elements=["Ni"], structure="fcc")).material == "Ni"


def test_the_command_line_ingests(dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nakaya.cli.app import run

    words = ["ingest", "md", str(dump), "--lammps-units", "metal", "--elements", "Cu", "--time-step", "0.002"]
    assert run([*words, "--out", str(tmp_path / "store"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["records"][0]["material"] == "Cu"
    assert run([*words, "--out", str(tmp_path / "store")]) == 2
    assert "exists" in capsys.readouterr().err
    assert run(["ingest", "md", str(dump), "--elements", "Cu"]) == 2
    assert "--lammps-units" in capsys.readouterr().err
