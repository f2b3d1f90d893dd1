"""Trajectories of others: what differs from our own runs is said, and nothing is guessed silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nakaya.core.errors import FormatError, ParameterError, UnstatedError
from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.samples.pooled import early_velocity
from nakaya.md.potentials import MATERIALS
from nakaya.md.trajectories.dump import LAMMPS_UNITS, read_dump
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from nakaya.md.trajectory_records import (
    TrajectoryOptions,
    _closeness,
    _density,
    _StepInterval,
    _temperature_flags,
    _Watch,
    ingest_trajectory,
)
from nakaya.records.collection import summarise_record
from nakaya.records.record import Record

EDGE = 3.7
LAYER = EDGE / 2
"""Fronts of the synthetic slab jump from layer to layer."""

GIVEN = TrajectoryOptions(
    lammps_units="metal", elements=["Cu"], time_step_ps=0.002, temperature=1200.0, melting_point=1327.0,
    latent_heat=12e3,
)  # fmt: skip


def slab(thickness: float, seed: int) -> Frame:
    """A slab of warm crystal in strongly disordered surroundings, 148 A along the normal."""
    positions, box = build_crystal("fcc", "100", EDGE, (3, 3, 40))
    rng = np.random.default_rng(seed)
    outside = np.abs(positions[:, 2] - box[2] / 2) > thickness / 2
    positions = positions + rng.normal(0, 1, positions.shape) * np.where(outside, 0.9, 0.08)[:, None]
    velocities = rng.normal(0, np.sqrt(BOLTZMANN * 1200.0 / 63.546), positions.shape)
    return Frame(seed, None, positions, np.diag(box), np.full(len(positions), "Cu"), velocities)


def grown(velocity: float = 0.6, frames: int = 12) -> list[Frame]:
    """Frames one ps apart; both fronts move with `velocity` A/ps."""
    return [slab(40.0 + 2 * velocity * number, number) for number in range(frames)]


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return grown()


def dump_of(
    frames: Sequence[Frame], *, steps: Sequence[int] | None = None, energy: float | None = -3.3, time: float = 0.0,
    shift: int = 0, broken: Sequence[int] = (),
) -> str:  # fmt: skip
    """A dump; `shift` unwraps atoms by so many boxes, frames in `broken` hold NaN, `time` is that of frame 1, ps."""
    text = ""
    for number, frame in enumerate(frames):
        sides = "".join(f"0 {side:.8g}\n" for side in np.diag(frame.cell))
        names = "xu yu zu" if shift else "x y z"
        places = frame.positions + shift * np.diag(frame.cell) * (np.arange(len(frame.positions)) % 3 - 1)[:, None]
        if number in broken:
            places[:4] = np.nan
        assert frame.velocities is not None
        tail = "" if energy is None else f" {energy}"
        rows = "".join(
            f"{n} 1 {' '.join(f'{value:.4f}' for value in [*place, *speed])}{tail}\n"
            for n, (place, speed) in enumerate(zip(places, frame.velocities, strict=True), 1)
        )
        head = f"ITEM: TIME\n{time * number:g}\n" if time else ""
        step = number * 500 if steps is None else steps[number]
        text += (
            f"ITEM: TIMESTEP\n{step}\n{head}ITEM: NUMBER OF ATOMS\n{len(places)}\nITEM: BOX BOUNDS pp pp pp\n{sides}"
            f"ITEM: ATOMS id type {names} vx vy vz{'' if energy is None else ' c_energy'}\n{rows}"
        )
    return text


def xyz_of(frames: Sequence[Frame], keys: str = "", broken: Sequence[int] = ()) -> str:
    """Extended XYZ; {n} in `keys` becomes the number of the frame."""
    text = ""
    for number, frame in enumerate(frames):
        places = frame.positions.copy()
        if number in broken:
            places[0] = np.nan
        lattice = " ".join(f"{value:.6g}" for value in frame.cell.ravel())
        text += f'{len(places)}\nLattice="{lattice}" Properties=species:S:1:pos:R:3 {keys.format(n=number)}\n'
        text += "".join(f"Cu {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in places)
    return text


def ingest(folder: Path, text: str, options: TrajectoryOptions = GIVEN) -> Record:
    path = folder / "mine.dump"
    path.write_text(text)
    return ingest_trajectory(path, options)


def test_a_dump_like_our_own_has_no_flags_and_shows_its_early_velocity(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, dump_of(frames))
    assert record.flags == ()
    assert record.status == "ok"
    # Without it the direct fit to the first 10 ps would have nothing to say.
    assert early_velocity(record) == pytest.approx(60.0, abs=100 * 2 * LAYER / 10)
    assert record.evidence["solid_thickness"].values.shape == (11,)


@pytest.mark.parametrize(("tilt", "said"), [(0.0, False), (0.5, False), (3.0, True)])  # A a frame, 148 A high
def test_a_box_that_is_sheared_is_said(tmp_path: Path, frames: list[Frame], tilt: float, said: bool) -> None:
    sheared = []
    for number, frame in enumerate(frames):
        cell = frame.cell.copy()
        cell[2, 0] = tilt * number
        sheared.append(replace(frame, cell=cell))
    path = tmp_path / "mine.xyz"
    path.write_text(xyz_of(sheared, "time={n}"))
    record = ingest_trajectory(path, TrajectoryOptions(temperature=1200.0, orientation="100"))
    assert any("the box is sheared by up to 0.22 of its height" in flag for flag in record.flags) == said


def test_unwrapped_coordinates_change_nothing(tmp_path: Path, frames: list[Frame]) -> None:
    wrapped, unwrapped = ingest(tmp_path, dump_of(frames)), ingest(tmp_path, dump_of(frames, shift=3))
    expected = wrapped.quantities["growth_velocity"].value
    assert unwrapped.quantities["growth_velocity"].value == pytest.approx(expected, abs=0.05)  # four decimals


def test_missing_energies_are_said(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, dump_of(frames[:4], energy=None))
    assert any("no energies" in flag and "c_energy" in flag for flag in record.flags)
    assert np.isnan(record.quantities["potential_energy_mean"].values).all()


@pytest.mark.parametrize("units", list(LAMMPS_UNITS))
def test_energies_are_converted(tmp_path: Path, units: str, frames: list[Frame]) -> None:
    joule = {  # LAMMPS manual, units: energy
        "metal": 1.602176634e-19, "real": 4184 / 6.02214076e23, "si": 1.0, "cgs": 1e-7, "nano": 1e-21, "micro": 1e-15,
        "electron": 4.3597447222e-18,
    }  # fmt: skip
    path = tmp_path / "a.dump"
    length = LAMMPS_UNITS[units].length
    here = replace(frames[0], cell=frames[0].cell / length, positions=frames[0].positions / length)
    path.write_text(dump_of([here], energy=2.0))
    (frame,) = read_dump(path, lammps_units=units, elements=["Cu"])
    assert frame.extra["c_energy"] * 1.602176634e-19 == pytest.approx(2.0 * joule[units], rel=1e-9)


def test_frames_at_uneven_times_are_said(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, dump_of(frames[:6], steps=[0, 500, 1500, 2000, 2500, 9000]))
    assert any("not evenly spaced: 1 to 13 ps" in flag for flag in record.flags)


def test_velocities_may_be_a_twentieth_hotter_or_colder_than_what_is_given() -> None:
    assert _temperature_flags(1000.0, 1049.0) == _temperature_flags(1000.0, 951.0) == []
    for seen in (1051.0, 949.0):
        assert _temperature_flags(1000.0, seen) == [
            f"the velocities of the file are those of {seen:.0f} K, not of the 1000 K given"
        ]
    nan = float("nan")
    assert _temperature_flags(10.0, nan) == _temperature_flags(20_000.0, nan) == _temperature_flags(10.0, 10.0) == []
    for kelvin in (9.9, 20_001.0):
        assert len(_temperature_flags(kelvin, nan)) == 1
    assert "is not known" in _temperature_flags(nan, nan)[0]


def test_atoms_have_about_the_room_of_the_known_crystal() -> None:
    def flags(factor: float, material: str = "Cu") -> list[str]:
        room = factor * MATERIALS["Cu"].lattice_parameter ** 3 / 4 * 1e-30
        return _density(SimpleNamespace(pooled={"volume_per_atom": np.array([0.0, room, 1.0])}), material)  # type: ignore[arg-type]

    assert flags(0.86) == flags(1.14) == flags(9.9, "Xy") == []
    assert len(flags(0.84)) == len(flags(1.16)) == 1


@pytest.mark.parametrize(("ratio", "said"), [(1.0, False), (15.0, False), (16.0, True)])
def test_atoms_are_not_too_near_for_their_room(ratio: float, said: bool) -> None:
    """In columns of square cells: distance 1 over the cube root of the ratio; 0.4 is that of 15.6."""
    places = np.indices((3, 3, 3)).reshape(3, -1).T * [1.0, 1.0, ratio]
    frame = Frame(0, 0.0, places, np.diag([3.0, 3.0, 3 * ratio]), np.full(27, "Cu"))
    assert len(_closeness(frame)) == said


def test_numbers_of_time_steps_agree_with_one_time_between_frames_within_a_hundredth() -> None:
    def interval(*steps: int | None, assumed: bool = True) -> _StepInterval:
        found = _StepInterval(assumed)
        for number, step in enumerate(steps):
            found.add(replace(Frame(step, 0.0, np.zeros((1, 3)), np.eye(3), np.array(["Cu"])), number=number))
        return found

    for steps in ((0, 1000, 2009), (0, 1000, 1991), (0, 0, 0), (0, None, 5000, 1), (7, 8)):
        assert interval(*steps[:3]).flag == ""
    assert "go back from 1000 to 500" in interval(0, 1000, 500, 1500).flag
    for steps in ((0, 1000, 2011), (0, 1000, 1989)):
        with pytest.raises(UnstatedError, match="time steps apart"):
            interval(*steps)
        assert interval(*steps, assumed=False).flag == ""


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (range(12), []),
        ([0, 5, 10], []),
        ([0, 6, 12], ["only 2 frames in the first 10 ps"]),
        ([0, 2, 4, 7, 9, 11], []),
        ([0, 2, 4, 7.1, 9.1, 11.1], ["not evenly spaced: 2 to 3.1 ps"]),
        ([0, 3, 6, 8, 11], []),
        ([0, 3, 6, 7.9, 10.9], ["not evenly spaced: 1.9 to 3 ps"]),
        (range(100, 110), []),  # the tenth would come next
        (range(100, 109), ["only 8 ps are there"]),
    ],
)
def test_what_is_odd_about_times_begins_at_half_as_far_again_and_at_two_frames(
    times: Sequence[float], words: list[str]
) -> None:
    found = _Watch._spacing(SimpleNamespace(has_times=True, _times=list(times)))  # type: ignore[arg-type]
    assert len(found) == len(words)
    assert all(word in flag for word, flag in zip(words, found, strict=True)), found


@pytest.mark.parametrize(("step", "words"), [(10_000, "only 1 frames in the first 10 ps"), (100, "only 2.2 ps")])
def test_frames_too_far_apart_or_too_short_are_said(tmp_path: Path, frames: list[Frame], step: int, words: str) -> None:
    record = ingest(tmp_path, dump_of(frames, steps=[step * n for n in range(12)]))
    assert any(words in flag for flag in record.flags)


def test_a_velocity_without_an_error_is_said(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, dump_of(frames, steps=[200 * n for n in range(12)]))
    velocity = record.quantities["growth_velocity"]
    assert np.isfinite(velocity.value)
    assert not np.isfinite(np.nan if velocity.uncertainty is None else float(velocity.uncertainty))
    assert any("4.4 ps are too few to tell the error of the velocity" in flag for flag in record.flags)


def test_times_that_contradict_the_time_step_are_said(tmp_path: Path, frames: list[Frame]) -> None:
    assert ingest(tmp_path, dump_of(frames, time=1.0)).flags == ()
    wrong = ingest(tmp_path, dump_of(frames, time=1.5))
    assert any("other times" in flag for flag in wrong.flags)


def test_frames_that_were_left_out_do_not_shift_the_clock(tmp_path: Path, frames: list[Frame]) -> None:
    options = replace(GIVEN, time_step_ps=None, frame_ps=1.0)
    for text in (dump_of(frames, broken=[3, 7]), xyz_of(frames, broken=[3, 7])):
        record = ingest(tmp_path, text, options)
        axis = record.quantities["solid_fraction"].axis
        assert axis is not None
        assert axis.values * 1e12 == pytest.approx([0, 1, 2, 4, 5, 6, 8, 9, 10, 11])
        assert sum("no finite position" in flag for flag in record.flags) == 2


def test_a_thousand_damaged_frames_do_not_make_a_thousand_flags(tmp_path: Path, frames: list[Frame]) -> None:
    many = [frames[0]] * 4 + frames
    record = ingest(tmp_path, dump_of(many, broken=range(1, 13)))
    left_out = [flag for flag in record.flags if "left out" in flag]
    assert len(left_out) == 4
    assert left_out[-1] == "frames left out: 9 more"


def test_the_number_of_a_frame_is_no_time_step(tmp_path: Path, frames: list[Frame]) -> None:
    with pytest.raises(UnstatedError, match="time between frames"):
        ingest(tmp_path, xyz_of(frames[:4]))
    with pytest.raises(UnstatedError, match="time between frames"):
        ingest(tmp_path, xyz_of(frames[:4], "Timestep=0.002"))
    record = ingest(tmp_path, xyz_of(frames, "Timestep={n}00"), replace(GIVEN, time_step_ps=0.01))
    axis = record.quantities["solid_fraction"].axis
    assert axis is not None
    assert axis.values[-1] == pytest.approx(11e-12)


def test_times_without_a_unit_are_said(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, xyz_of(frames, "Time={n}.0"), replace(GIVEN, time_step_ps=None))
    assert any("picoseconds" in flag for flag in record.flags)
    assert record.quantities["growth_velocity"].value == pytest.approx(60, abs=100 * 2 * LAYER / 12)


def test_a_box_without_an_inside_says_which_phase_is_too_thin(tmp_path: Path) -> None:
    positions, box = build_crystal("fcc", "100", EDGE, (4, 4, 10))
    rng = np.random.default_rng(0)
    text = ""
    for number in range(4):
        loose = np.where(np.abs(positions[:, 2] - box[2] / 2) > 6.0, 0.9, 0.08)[:, None]
        moved = positions + rng.normal(0, 1, positions.shape) * loose
        text += dump_of([Frame(0, None, moved, np.diag(box), np.full(len(moved), "Cu"), moved)], steps=[500 * number])
    record = ingest(tmp_path, text)
    assert any("too thin" in flag and "crystal" in flag for flag in record.flags)


def test_a_record_without_a_temperature_is_summarised(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, xyz_of(frames[:3]), replace(GIVEN, time_step_ps=None, temperature=None))
    assert "nan" not in summarise_record(record)


def test_another_temperature_than_that_of_the_velocities_is_said(tmp_path: Path, frames: list[Frame]) -> None:
    record = ingest(tmp_path, dump_of(frames[:4]), replace(GIVEN, temperature=900.0))
    assert any("velocities" in flag and "900 K given" in flag for flag in record.flags)


@pytest.mark.parametrize(("element", "length", "said"), [("Cu", 1.0, False), ("Al", 1.0, True), ("Cu", 1.1, True)])
def test_wrong_elements_and_lengths_show_in_the_density(
    tmp_path: Path, frames: list[Frame], element: str, length: float, said: bool
) -> None:
    here = [replace(frame, cell=frame.cell * length, positions=frame.positions * length) for frame in frames[:4]]
    record = ingest(tmp_path, dump_of(here), replace(GIVEN, elements=[element]))
    assert any("A^3 per atom" in flag for flag in record.flags) is said


def test_positions_in_another_unit_than_the_box_are_said(tmp_path: Path, frames: list[Frame]) -> None:
    here = [replace(frame, positions=0.1 * frame.positions) for frame in frames[:4]]
    for text in (dump_of(here), xyz_of(here, "Time={n}")):
        options = GIVEN if text.startswith("ITEM") else replace(GIVEN, time_step_ps=None)
        assert any("positions and box are in different units" in flag for flag in ingest(tmp_path, text, options).flags)


def test_an_equilibration_that_leaves_nothing_is_refused(tmp_path: Path, frames: list[Frame]) -> None:
    with pytest.raises(ParameterError, match="ends within the 100 ps of equilibration"):
        ingest(tmp_path, dump_of(frames[:4]), replace(GIVEN, equilibration_ps=100.0))


def test_a_growth_direction_that_is_none_is_refused() -> None:
    with pytest.raises(ParameterError, match="'abc' is no Miller indices"):
        TrajectoryOptions(orientation="abc")


BY_INTERVAL = replace(GIVEN, time_step_ps=None, frame_ps=1.0)


@pytest.mark.parametrize("steps", [[500, 1500], [500, 500, 500, 1000], [1, 2]])
def test_one_time_between_frames_at_uneven_steps_is_refused(
    tmp_path: Path, frames: list[Frame], steps: list[int]
) -> None:
    places = np.concatenate([[0], np.cumsum(np.resize(steps, 5))]).tolist()
    words = f"{steps[0]} and {steps[-1]} time steps apart"
    with pytest.raises(UnstatedError, match=words):
        ingest(tmp_path, dump_of(frames[:6], steps=places), BY_INTERVAL)
    keys = [f"Timestep={place}" for place in places]
    text = "".join(xyz_of([frame], key) for frame, key in zip(frames, keys, strict=False))
    with pytest.raises(UnstatedError, match=words):
        ingest(tmp_path, text, BY_INTERVAL)
    # With the time step, the clock is that of the file.
    axis = ingest(tmp_path, dump_of(frames[:6], steps=places)).quantities["solid_fraction"].axis
    assert axis is not None
    assert axis.values * 1e12 == pytest.approx(np.array(places) * 0.002)


@pytest.mark.parametrize("steps", [[7] * 6, [0, 500, 1000, 1500, 2000, 2500]])
def test_even_steps_and_steps_that_say_nothing_agree_with_a_time_between_frames(
    tmp_path: Path, frames: list[Frame], steps: list[int]
) -> None:
    record = ingest(tmp_path, dump_of(frames[:6], steps=steps), BY_INTERVAL)
    assert not [flag for flag in record.flags if "step" in flag]


def test_frames_after_a_clock_that_was_reset_are_not_used(tmp_path: Path, frames: list[Frame]) -> None:
    """A second run counts from 0 on: its later steps are no later times."""
    steps = [500 * number for number in (0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5)]
    record = ingest(tmp_path, dump_of(frames, steps=steps))
    first = ingest(tmp_path, dump_of(frames[:6]))
    assert any("set back to 0 ps after 5 ps" in flag for flag in record.flags)
    for name, entry in first.quantities.items():
        assert np.array_equal(record.quantities[name].values, entry.values, equal_nan=True), name
    longer = [*steps[:6], *[500 * number for number in (0, 2, 4, 6, 8, 10)]]
    assert ingest(tmp_path, dump_of(frames, steps=longer)).quantities["solid_fraction"].values.shape == (6,)
    whole = ingest(tmp_path, dump_of(frames, steps=steps), BY_INTERVAL)
    assert any("go back from 2500 to 0" in flag for flag in whole.flags)
    assert whole.quantities["solid_fraction"].values.shape == (12,)


def test_steps_that_a_restart_wrote_twice_are_left_out(tmp_path: Path, frames: list[Frame]) -> None:
    steps = [500 * number for number in (0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8)]
    record = ingest(tmp_path, dump_of(frames, steps=steps))
    axis = record.quantities["solid_fraction"].axis
    assert axis is not None
    assert axis.values * 1e12 == pytest.approx(np.arange(9.0))
    assert any("left out" in flag for flag in record.flags)


@pytest.mark.parametrize(
    ("changes", "is_flagged"),
    [
        ({"time_step_ps": 2.0}, True),  # in femtoseconds
        ({"time_step_ps": 2e-6}, True),  # in nanoseconds
        ({"time_step_ps": 0.01}, False),
        ({"time_step_ps": None, "frame_ps": 1000.0}, True),  # 500 steps
        ({"time_step_ps": None, "frame_ps": 1.0}, False),
    ],
)
def test_a_time_step_in_another_unit_is_flagged(tmp_path: Path, frames: list[Frame], changes, is_flagged) -> None:
    flags = ingest(tmp_path, dump_of(frames), replace(GIVEN, **changes)).flags
    assert any("given in picoseconds" in flag for flag in flags) is is_flagged


@pytest.mark.parametrize(("frame_ps", "is_flagged"), [(0.002, True), (1.0, False)])
def test_a_velocity_beyond_all_crystals_is_flagged(tmp_path: Path, frames: list[Frame], frame_ps, is_flagged) -> None:
    """60 m/s where frames are a picosecond apart."""
    path = tmp_path / "mine.xyz"
    path.write_text(xyz_of(frames))
    record = ingest_trajectory(path, replace(GIVEN, lammps_units=None, time_step_ps=None, frame_ps=frame_ps))
    assert record.quantities["growth_velocity"].value * frame_ps == pytest.approx(60.0, abs=20.0)
    assert any("faster than any crystal grows" in flag for flag in record.flags) is is_flagged


def test_frames_that_lost_atoms_are_not_used(tmp_path: Path, frames: list[Frame]) -> None:
    """Eight whole ones come before them."""
    lost = [
        frame if number < 8 else replace(frame, positions=frame.positions[5:], velocities=frame.velocities[5:])
        for number, frame in enumerate(frames)
        if frame.velocities is not None
    ]
    record = ingest(tmp_path, dump_of(lost))
    assert record.quantities["solid_thickness"].values.shape == (8,)
    assert any("frame 8 has 1435 atoms after frames of 1440: atoms were lost" in flag for flag in record.flags)
    with pytest.raises(FormatError, match=r"atoms were lost.*too few"):
        ingest(tmp_path, dump_of(lost[6:]))


def test_frames_in_reverse_order_are_refused_with_the_reason(tmp_path: Path, frames: list[Frame]) -> None:
    steps = [500 * (len(frames) - number) for number in range(len(frames))]
    with pytest.raises(FormatError, match="did not come later than the one before"):
        ingest(tmp_path, dump_of(frames, steps=steps))
