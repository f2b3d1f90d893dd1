"""What a text trajectory may become: compressed files, words, rows and lines of any length, with limits named."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import FormatError, ParameterError, UnstatedError
from nakaya.crystallography.elements import ATOMIC_NUMBERS, ATOMIC_WEIGHTS
from nakaya.md.trajectories import text_files
from nakaya.md.trajectories.dump import read_dump
from nakaya.md.trajectories.extxyz import read_extxyz
from nakaya.md.trajectories.files import read_trajectory
from support.memory import traced_memory_below


def dump_text(rows: list[str], columns: str = "id type x y z", *, frames: int = 1) -> str:
    head = f"ITEM: NUMBER OF ATOMS\n{len(rows)}\nITEM: BOX BOUNDS pp pp pp\n0 20\n0 20\n0 20\nITEM: ATOMS {columns}\n"
    units = "ITEM: UNITS\nmetal\n"  # once, as LAMMPS writes it
    return units + "".join(f"ITEM: TIMESTEP\n{number}\n{head}" + "\n".join(rows) + "\n" for number in range(frames))


ROWS = [f"{number} 1 {number % 9}.5 {number % 7}.25 {number % 5}.125" for number in range(1, 61)]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, text_files.zstd.compress])
@pytest.mark.parametrize("ending", ["gz", "dump"])
def test_compressed_files_are_told_by_their_first_bytes(tmp_path: Path, pack: object, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    whole = pack(dump_text(ROWS, frames=3).encode())  # type: ignore[operator]
    path.write_bytes(whole)
    plain = tmp_path / "plain"
    plain.write_text(dump_text(ROWS, frames=3))
    frames, expected = (list(read_trajectory(file, elements=["Cu"])) for file in (path, plain))
    assert len(frames) == 3
    for frame, other in zip(frames, expected, strict=True):
        assert np.array_equal(frame.positions, other.positions)
    for cut in (len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:cut])
        trajectory = read_dump(path, elements=["Cu"])
        said: list[str] = []
        try:
            said = trajectory.flags if list(trajectory) else []
        except FormatError as error:
            said = [str(error)]
        assert "compressed stream is damaged" in said[0]


def test_a_changed_byte_of_a_zstd_stream_is_damage_too(tmp_path: Path) -> None:
    whole = bytearray(text_files.zstd.compress(dump_text(ROWS, frames=3).encode()))
    whole[10] ^= 255
    path = tmp_path / "a.zst"
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="compressed stream is damaged"):
        list(read_trajectory(path, elements=["Cu"]))


@pytest.mark.parametrize("length", [101, 30_000])
def test_a_long_word_is_refused_with_its_length(tmp_path: Path, length: int) -> None:
    rows = [f"{number} 1 0.1 0.1 0.1" for number in range(1, 20_001)]
    rows[3] = "4 1 0.1 0.1 " + "0." + "1" * (length - 2)
    path = tmp_path / "a.dump"
    path.write_text(dump_text(rows))
    with traced_memory_below(200_000_000), pytest.raises(FormatError, match=f"word of {length} characters"):
        list(read_dump(path, elements=["Cu"]))
    xyz = '20000\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\n' + "\n".join(
        "Cu " + row.split(maxsplit=2)[2] for row in rows
    )
    path.write_text(xyz)
    with traced_memory_below(200_000_000), pytest.raises(FormatError, match=f"word of {length} characters"):
        list(read_extxyz(path))


def test_a_small_file_of_very_many_atoms_is_refused_with_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "MAX_SMALL_ATOMS", 50)
    path = tmp_path / "a.dump"
    path.write_text(dump_text(ROWS))
    with pytest.raises(FormatError, match="more than 50 atoms"):
        list(read_dump(path, elements=["Cu"]))
    monkeypatch.setattr(text_files, "SMALL_FILE", 100)
    assert len(next(read_dump(path, elements=["Cu"])).positions) == 60


def test_a_file_that_unpacks_to_very_much_is_refused_with_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "MIN_UNPACKED", 1 << 20)
    path = tmp_path / "a.bz2"
    path.write_bytes(bz2.compress(b"\n" * (3 << 20)))
    with pytest.raises(FormatError, match="unpacks to more than 1 MiB"):
        list(read_dump(path, elements=["Cu"]))


def test_a_long_line_of_keys_is_read_in_time_that_grows_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("1\n" + "a" * 1_000_000 + "\nCu 0 0 0\n")  # quadratic: a quarter of an hour
    with pytest.raises(FormatError, match="plain XYZ"):
        list(read_extxyz(path))


def test_labels_of_types_are_elements(tmp_path: Path) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text(["2 Zr 0 0 0", "1 O 1 1 1"]))
    (frame,) = read_dump(path)
    assert frame.species.tolist() == ["O", "Zr"]
    assert next(read_dump(path, elements=["Zr", "O"])).species.tolist() == ["O", "Zr"]
    with pytest.raises(ParameterError, match="the file itself says O, but Zr,Cu were given"):
        list(read_dump(path, elements=["Zr", "Cu"]))
    path.write_text(dump_text(["1 1 Cu 0 0 0"], "id type typelabel x y z"))
    assert next(read_dump(path)).species.tolist() == ["Cu"]
    path.write_text(dump_text(["1 c3 0 0 0"]))
    with pytest.raises(FormatError, match="'c3'"):
        list(read_dump(path))
    path.write_text(dump_text(["1 1 0 0 0"]))
    with pytest.raises(UnstatedError, match="numbers of types, not elements"):
        list(read_dump(path))


def test_every_element_has_its_weight() -> None:
    assert set(ATOMIC_WEIGHTS) == set(ATOMIC_NUMBERS)
    numbers = np.array([ATOMIC_NUMBERS[name] for name in ATOMIC_WEIGHTS])
    assert np.array_equal(numbers, np.arange(1, 104))
    data = pytest.importorskip("ase.data", reason='an oracle of the extra "dev"')
    for name, number in ATOMIC_NUMBERS.items():
        # 0.01 for weights that were revised; mass numbers, of whichever isotope is taken, where there is none.
        has_none = ATOMIC_WEIGHTS[name] == round(ATOMIC_WEIGHTS[name])
        assert ATOMIC_WEIGHTS[name] == pytest.approx(data.atomic_masses[number], abs=1.2 if has_none else 0.011), name


def test_a_column_of_elements_is_held_against_those_given(tmp_path: Path) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text(["1 1 Al 0 0 0"], "id type element x y z"))
    assert next(read_dump(path, elements=["Cu", "Al"])).species.tolist() == ["Al"]
    with pytest.raises(ParameterError, match="the file itself says Al, but Cu were given"):
        list(read_dump(path, elements=["Cu"]))


@pytest.mark.parametrize(("mass", "flags"), [(26.98, 1), (63.546, 0), (63.55, 0)])
def test_masses_of_the_file_are_held_against_the_elements(tmp_path: Path, mass, flags) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text([f"1 1 {mass} 0 0 0"], "id type mass x y z"))
    trajectory = read_dump(path, elements=["Cu"])
    assert len(list(trajectory)) == 1
    assert ["a mass of 26.98, expected 63.546" in flag for flag in trajectory.flags] == [True] * flags


@pytest.mark.parametrize("place", ["1.2", "-2.9"])
def test_scaled_positions_lie_in_the_box(tmp_path: Path, place: str) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text([f"1 1 {place} 0 0"], "id type xs ys zs"))
    assert len(list(read_dump(path, elements=["Cu"]))) == 1
    path.write_text(dump_text(["1 1 14.2 0 0"], "id type xs ys zs"))
    with pytest.raises(FormatError, match="numbers up to 14.2: positions that are scaled"):
        list(read_dump(path, elements=["Cu"]))
