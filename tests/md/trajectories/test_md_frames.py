"""Trajectory files: LAMMPS dumps and extended XYZ, honest ones and lying ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nakaya.core.errors import FormatError, InputFileError, NakayaError, ParameterError, UnknownNameError, UnstatedError
from nakaya.crystallography.lattices import build_crystal
from nakaya.md.trajectories.dump import read_dump
from nakaya.md.trajectories.extxyz import read_extxyz
from nakaya.md.trajectories.files import read_trajectory
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from support.memory import traced_memory_below


def dump_text(
    positions: NDArray[np.float64],
    box: NDArray[np.float64],
    *,
    step: int = 0,
    columns: str = "id type x y z",
    count: int | None = None,
    head: str = "",
    box_lines: str | None = None,
    types: str = "1",
) -> str:
    """One frame of a LAMMPS dump."""
    bounds = box_lines or "ITEM: BOX BOUNDS pp pp pp\n" + "".join(f"0 {side:.10g}\n" for side in box)
    rows = "".join(f"{n} {types} {x:.10g} {y:.10g} {z:.10g}\n" for n, (x, y, z) in enumerate(positions, 1))
    number = len(positions) if count is None else count
    return f"{head}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{number}\n{bounds}ITEM: ATOMS {columns}\n{rows}"


@pytest.fixture(scope="module")
def crystal() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return build_crystal("fcc", "100", 3.7, (3, 3, 3))


def read_all(path: Path, **options: object) -> list[Frame]:
    return list(read_dump(path, **{"lammps_units": "metal", "elements": ["Cu"], **options}))  # type: ignore[arg-type]


def test_a_dump_is_read_as_it_was_written(tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]) -> None:
    positions, box = crystal
    path = tmp_path / "a.dump"
    path.write_text(dump_text(positions, box, step=5) + dump_text(positions + 0.1, box, step=10))
    first, second = read_all(path)
    assert (first.step, second.step) == (5, 10)
    assert first.positions == pytest.approx(positions, abs=1e-6)
    assert first.cell == pytest.approx(np.diag(box))
    assert set(first.species) == {"Cu"}
    assert first.time_ps is None
    assert np.isnan(first.temperature())


def test_gzip_scaled_shuffled_and_triclinic_are_understood(
    tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]
) -> None:
    positions, box = crystal
    path = tmp_path / "a.gz"
    ranks = np.random.default_rng(0).permutation(len(positions))
    rows = "".join(f"{n + 1} 1 {' '.join(f'{value:.10g}' for value in positions[n] / box)}\n" for n in ranks)
    head = dump_text(positions[:0], box, columns="id type xs ys zs", count=len(positions))
    path.write_bytes(gzip.compress((head + rows).encode()))
    assert read_all(path)[0].positions == pytest.approx(positions, abs=1e-6)
    tilted = "ITEM: BOX BOUNDS xy xz yz pp pp pp\n-1 14 2\n0 13 -1\n0 12 3\n"
    path.write_text(dump_text(positions, box, box_lines=tilted))
    # Bounding box -1..14 with tilts 2, -1 and 3: x runs from 0 to 12, y from 0 to 10 (LAMMPS manual, triclinic boxes).
    assert read_all(path)[0].cell == pytest.approx(np.array([[12.0, 0, 0], [2, 10, 0], [-1, 3, 12]]))


@pytest.mark.parametrize(
    ("units", "factor"), [("metal", 1.0), ("real", 1.0), ("si", 1e-10), ("nano", 0.1), ("cgs", 1e-8)]
)
def test_units_are_converted(
    tmp_path: Path, crystal: tuple[NDArray[np.float64], ...], units: str, factor: float
) -> None:
    positions, box = crystal
    path = tmp_path / "a.dump"
    path.write_text(dump_text(positions * factor, box * factor))
    assert read_all(path, lammps_units=units)[0].positions == pytest.approx(positions, rel=1e-6)


def test_temperature_comes_from_velocities_without_drift(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    velocities = rng.normal(0, np.sqrt(BOLTZMANN * 1000 / 63.546), (4000, 3)) + 5.0
    rows = "".join(f"{n} 1 0.5 0.5 0.5 {' '.join(map(str, v))}\n" for n, v in enumerate(velocities, 1))
    text = dump_text(np.zeros((0, 3)), np.full(3, 10.0), columns="id type xs ys zs vx vy vz", count=4000) + rows
    path = tmp_path / "a.dump"
    path.write_text(text)
    assert read_all(path)[0].temperature() == pytest.approx(1000, rel=4 * np.sqrt(2 / 12000))


def test_units_and_elements_must_be_known(tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text(*crystal))
    with pytest.raises(UnstatedError, match="does not say its units"):
        read_all(path, lammps_units=None)
    with pytest.raises(UnstatedError, match="not elements"):
        read_all(path, elements=None)
    with pytest.raises(UnknownNameError, match="metal"):
        read_all(path, lammps_units="metall")
    with pytest.raises(ParameterError, match="reduced"):
        read_all(path, lammps_units="lj")
    with pytest.raises(UnknownNameError, match="Cu"):
        read_all(path, elements=["cu"])
    path.write_text(dump_text(*crystal, types="2"))
    with pytest.raises(ParameterError, match="type 2 has no element"):
        read_all(path)
    path.write_text(dump_text(*crystal, head="ITEM: UNITS\nreal\n"))
    with pytest.raises(ParameterError, match="says its units are 'real'"):
        read_all(path)
    path.write_text(dump_text(*crystal, head="ITEM: UNITS\nreal\n") + dump_text(*crystal, step=1))  # units stand once
    assert [frame.step for frame in read_all(path, lammps_units=None)] == [0, 1]


LIE = (
    "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{}\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
    "ITEM: ATOMS id type x y z\n1 1 0 0 0\n"
)


@pytest.mark.parametrize("claimed", ["1000000000000", "19999999", "2"])
def test_a_short_file_that_claims_many_atoms_allocates_nothing(tmp_path: Path, claimed: str) -> None:
    path = tmp_path / "lie.dump"
    path.write_text(LIE.format(claimed))
    with (
        traced_memory_below(50_000_000),
        pytest.raises(FormatError, match="ends inside a frame|number of atoms"),
    ):
        read_all(path)


def test_a_truncated_gzip_keeps_the_whole_frames_and_says_so(
    tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]
) -> None:
    rng = np.random.default_rng(3)
    text = "".join(dump_text(crystal[0] + rng.normal(0, 0.1, crystal[0].shape), crystal[1], step=n) for n in range(40))
    whole = gzip.compress(text.encode())
    path = tmp_path / "a.dump.gz"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    trajectory = read_dump(path, lammps_units="metal", elements=["Cu"])
    frames = list(trajectory)
    assert 5 < len(frames) < 40
    assert [frame.step for frame in frames] == list(range(len(frames)))
    assert "cut after" in trajectory.flags[0]
    path.write_bytes(whole[:30])
    with pytest.raises(FormatError):
        read_all(path)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 255
    path.write_bytes(bytes(damaged))
    trajectory = read_dump(path, lammps_units="metal", elements=["Cu"])
    assert len(list(trajectory)) < 40
    assert trajectory.flags


def test_frames_with_nan_are_left_out_with_a_flag(tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]) -> None:
    broken = crystal[0].copy()
    broken[3, 1] = np.nan
    path = tmp_path / "a.dump"
    path.write_text(dump_text(*crystal, step=1) + dump_text(broken, crystal[1], step=2) + dump_text(*crystal, step=3))
    trajectory = read_dump(path, lammps_units="metal", elements=["Cu"])
    assert [frame.step for frame in trajectory] == [1, 3]
    assert "step 2 was left out: 1 atoms" in trajectory.flags[0]
    path.write_text(dump_text(broken, crystal[1]))
    with pytest.raises(FormatError, match="no whole frame"):
        read_all(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("hello\n", "expected a LAMMPS text dump"),
        ("ITEM: TIMESTEP\nmany\n", "whole number"),
        ("ITEM: TIMESTEP\n0\nITEM: ATOMS id type x y z\n1 1 0 0 0\n", "lacks"),
        (LIE.format(1).replace("x y z", "x y"), "no whole frame"),
        (LIE.format(1).replace("id type x y z", "id type vx vy vz"), "no positions"),
        (LIE.format(1).replace("id type x y z", "id mol x y z"), "neither type nor element"),
        (LIE.format(1).replace("id type x y z", "id id x y z"), "comes twice"),
        (LIE.format(1).replace("0 9", "0 0"), "volume"),
        (LIE.format(1).replace("0 9", "0 nan"), "volume"),
        *((LIE.format(1).replace("0 9", wide), "three rows of two") for wide in ("9", "0 9 0 0 0")),
        (LIE.format(1).replace("0 9", "0 9 0", 1), "three rows of two"),
        (LIE.format(1).replace("1 1 0 0 0", "1 1 0 0"), "4 words, expected 5"),
        (LIE.format(1).replace("1 1 0 0 0", "1 1 0 0 zero"), "no number"),
        (LIE.format(2) + "1 1 1 1 1\n", "same id"),
        ("ITEM: TIMESTEP\n0\nITEM: SURPRISE\n", "no line of a LAMMPS dump"),
        ("3\ncomment\nCu 0 0 0\n", "plain XYZ"),
        ("x" * (2 << 20), "more than"),
    ],
)
def test_files_that_lie_are_found_out(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lie"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        list(read_trajectory(path, lammps_units="metal", elements=["Cu"]))


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="nothing"):
        read_trajectory(tmp_path / "nothing")
    with pytest.raises(InputFileError):
        read_trajectory(tmp_path)


def xyz_text(
    positions: NDArray[np.float64], box: NDArray[np.float64], *, extra: str = "Time=2.0", symbol: str = "Cu"
) -> str:
    lattice = " ".join(f"{value:.10g}" for value in np.diag(box).ravel())
    rows = "".join(f"{symbol} {x:.10g} {y:.10g} {z:.10g} 7\n" for x, y, z in positions)
    return f'{len(positions)}\nLattice="{lattice}" Properties=species:S:1:pos:R:3:tag:I:1 pbc="T T T" {extra}\n{rows}'


def test_extended_xyz_is_read_as_it_was_written(tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]) -> None:
    path = tmp_path / "a.xyz.gz"
    path.write_bytes(gzip.compress((xyz_text(*crystal) + xyz_text(*crystal, extra="")).encode()))
    first, second = read_trajectory(path)
    assert first.positions == pytest.approx(crystal[0], abs=1e-6)
    assert first.cell == pytest.approx(np.diag(crystal[1]))
    assert (first.time_ps, second.time_ps) == (2.0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Lattice", "Box"), "plain XYZ"),
        (('pbc="T T T"', 'pbc="T maybe F"'), "expected three of T and F"),
        (("species:S:1:pos:R:3", "species:S:1:pos:R:2"), "expected pos:R:3|expected R:3"),
        (("pos:R:3", "place:R:3"), "lacks pos"),
        (("tag:I:1", "tag:I"), "not name:kind:columns"),
        (("Cu ", "Xx "), "no elements"),
        (("108\n", "109\n"), "ends inside a frame"),
        (("108\n", "99999999999\n"), "number of atoms"),
    ],
)
def test_extended_xyz_that_lies_is_found_out(
    tmp_path: Path, crystal: tuple[NDArray[np.float64], ...], change: tuple[str, str], message: str
) -> None:
    path = tmp_path / "a.xyz"
    path.write_text(xyz_text(*crystal).replace(*change))
    with pytest.raises(FormatError, match=message):
        list(read_extxyz(path))


LONGEST = 400
"""Characters of a message beside the path: a line that a person reads at once."""


def check_readable(message: str, path: Path) -> None:
    assert message.isprintable(), ascii(message)
    assert "\ufffd" not in message
    assert len(message) <= len(str(path)) + LONGEST


def _seed_texts() -> list[bytes]:
    positions, box = build_crystal("fcc", "100", 3.7, (1, 1, 1))
    dump = dump_text(positions, box, head="ITEM: UNITS\nmetal\nITEM: TIME\n1.5\n") + dump_text(positions, box, step=1)
    return [dump.encode(), xyz_text(positions, box).encode(), gzip.compress(dump.encode())]


_pieces = st.sampled_from(
    [b"nan", b"-1", b"1e400", b"ITEM: ", b"\n", b"\x00", b" ", b"999999999999", b"inf", b"ATOMS", b'"', b"\x1f\x8b"]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), which=st.integers(0, 2))
def test_no_damage_crashes_the_parsers(tmp_path: Path, data: st.DataObject, which: int) -> None:
    content = bytearray(_seed_texts()[which])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        width = data.draw(st.integers(0, 12))
        content[place : place + width] = data.draw(_pieces | st.binary(max_size=6))
    path = tmp_path / "fuzz"
    path.write_bytes(bytes(content))
    try:
        frames = list(read_trajectory(path, lammps_units="metal", elements=["Cu"]))
    except NakayaError as error:
        check_readable(str(error), path)
        return
    for frame in frames:
        assert np.isfinite(frame.positions).all()
        assert abs(np.linalg.det(frame.cell)) > 0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_no_bytes_crash_the_parsers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzz"
    path.write_bytes(content)
    with pytest.raises(NakayaError) as caught:
        list(read_trajectory(path, lammps_units="metal", elements=["Cu"]))
    check_readable(str(caught.value), path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\x80\x01junk", b"\xff" * 5000, b"ITEM: TIMESTEP\n\xff\xfe\n", b"ITEM: \xff\x1b[31m\n",
        b"ITEM: UNITS\n" + b"\xe9" * 500 + b"\n", (LIE.format(1) + "ITEM: \x1b").replace("x y z", "\x1b z").encode(),
        LIE.format(1).replace("1 1 0 0 0", "1 1 0 0 " + "\u2620" * 500).encode(),
        LIE.format(1).replace("type", "element").replace("1 1 0", "1 \u00e9\u0007 0").encode(),
        b"1\nLattice=\"1 0 0 0 1 0 0 0 1\" Properties=species:S:1:pos:R:\xff\x07\nCu 0 0 0\n",
        gzip.compress(b"\x00\x01\x02\xff" * 100, mtime=0), b"\x1f\x8b" + b"\xff" * 50,
    ],
    ids=range(11),
)  # fmt: skip
def test_binary_junk_is_quoted_so_that_a_terminal_can_show_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "junk"
    path.write_bytes(content)
    with pytest.raises(NakayaError) as caught:
        list(read_trajectory(path, lammps_units=None, elements=["Cu"]))
    check_readable(str(caught.value), path)
    assert str(path) in str(caught.value)


def test_damage_after_a_whole_frame_is_flagged_readably(
    tmp_path: Path, crystal: tuple[NDArray[np.float64], ...]
) -> None:
    path = tmp_path / "a.dump"
    path.write_bytes(dump_text(*crystal).encode() + b"\xff\x07\x1b" * 100)
    trajectory = read_trajectory(path, lammps_units="metal", elements=["Cu"])
    assert len(list(trajectory)) == 1
    (flag,) = trajectory.flags
    assert r"'\xff\x07\x1b" in flag
    check_readable(flag, path)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("pp pp pp", (True, True, True)),
        ("pp ff ss", (True, False, False)),
        ("mm fs pp", (False, False, True)),
        ("", (True, True, True)),  # as LAMMPS wrote it before 2011
    ],
)
def test_boundaries_are_read(tmp_path: Path, flags: str, expected: tuple[bool, ...]) -> None:
    path = tmp_path / "a.dump"
    for names, sides in (
        ("", "0 9\n" * 3),
        ("xy xz yz ", "0 9 0\n" * 3),
        ("abc origin ", "9 0 0 0\n0 9 0 0\n0 0 9 0\n"),
    ):
        head = f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS {names}{flags}".rstrip()
        path.write_text(f"{head}\n{sides}ITEM: ATOMS id element x y z\n1 Cu 1 1 1\n")
        (frame,) = read_all(path, lammps_units="metal")
        assert frame.periodic == expected
    path.write_text('1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 pbc="T F T"\nCu 1 1 1\n')
    assert next(read_extxyz(path)).periodic == (True, False, True)
