"""An input of LAMMPS is a program: nothing that others wrote may become a command in it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.errors import InputFileError, ParameterError
from nakaya.core.provenance import sha256_of_file
from nakaya.crystallography.lattices import build_crystal
from nakaya.md.lammps import scripts
from nakaya.md.lammps.program import find_lammps
from nakaya.md.lammps.workspace import describe, simulate
from nakaya.md.potentials import MATERIALS, Material, find_material, is_words, potential_file
from nakaya.md.properties import quick_solid
from nakaya.records.store import load_records
from support.lammps import skip_without_lammps

BULK = {"temperature": 300.0, "duration_ps": 5.0, "frame_ps": 1.0, "seed": 0}
FRONT = {**BULK, "num_solid": 10, "equilibration_ps": 5.0}
SEED = {"temperature": 300.0, "num_solid": 10, "held_ps": 1.0, "free_ps": 1.0, "seed": 0}
PROTOCOLS = [
    (scripts.bulk_solid, BULK), (scripts.bulk_liquid, BULK), (scripts.nucleation, BULK),
    (scripts.growth, FRONT), (scripts.coexistence, FRONT),
    (scripts.seeded_melt, SEED), (scripts.released_crystallite, {**BULK, "has_velocities": False}),
    (scripts.single_point, {}),
]  # fmt: skip

HOSTILE_FOLDER = 'evil" Cu\nshell touch stolen\nprint "'


def linked_potential(folder: Path, original: Path, name: str = "x.eam.alloy") -> Path:
    """A link with a harmless name to a potential in a folder whose name holds commands."""
    (folder / HOSTILE_FOLDER).mkdir(parents=True)
    shutil.copyfile(original, folder / HOSTILE_FOLDER / name)
    link = folder / "Cu.eam.alloy"
    link.symlink_to(folder / HOSTILE_FOLDER / name)
    return link


@pytest.mark.parametrize(("protocol", "options"), PROTOCOLS, ids=lambda value: getattr(value, "__name__", ""))
def test_no_path_is_part_of_an_input(protocol: Callable[..., str], options: dict[str, Any]) -> None:
    texts = [protocol(MATERIALS["Cu"], Path(folder) / "x.eam.alloy", **options) for folder in ("plain", HOSTILE_FOLDER)]
    assert texts[0] == texts[1]
    assert 'pair_coeff * * "potential.eam.alloy" Cu\n' in texts[0]


def test_the_barostat_of_a_crystal_frees_both_lattice_parameters_of_hcp_alone() -> None:
    texts = {name: scripts.bulk_solid(MATERIALS[name], Path("p"), **BULK) for name in ("Mg", "Fe", "Al")}
    for name, text in texts.items():
        (line,) = re.findall(r"fix box all nph (.*)", text)
        assert line == ("x 0 0 1.0 y 0 0 1.0 z 0 0 1.0 couple xy" if name == "Mg" else "iso 0 0 1.0")


@pytest.mark.skipif(os.name != "posix", reason="such names are those of Unix")
def test_a_run_reads_a_copy_of_the_potential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "original").write_text("a potential")
    material = find_material("Cu", potential=str(linked_potential(tmp_path, tmp_path / "original")))
    program = tmp_path / "lmp"
    program.write_text("#!/bin/sh\nprintf '   Step Temp\\n 0 300\\nLoop time of 1\\n' > log.lammps\n")
    program.chmod(0o755)
    monkeypatch.setenv("NAKAYA_LMP", str(program))
    find_lammps.cache_clear()
    try:
        positions, box = build_crystal("fcc", "100", 3.6, (2, 2, 2))
        script = scripts.bulk_solid(material, potential_file(material)[0], **BULK)  # type: ignore[arg-type]  # by name
        simulate(tmp_path / "run", material, positions, box, script)
    finally:
        find_lammps.cache_clear()
    text = (tmp_path / "run" / "in.lammps").read_text()
    assert "shell" not in text
    assert (tmp_path / "run" / "potential.eam.alloy").read_text() == "a potential"
    files = describe(material, source="", seed=0, scripts={"in": text}, settings={}, command="").files
    assert files["x.eam.alloy"] == sha256_of_file(tmp_path / "original")  # the name and hash of the file itself


@pytest.mark.skipif(os.name != "posix", reason="such names are those of Unix")
def test_lammps_runs_no_command_from_the_name_of_a_folder(tmp_path: Path) -> None:
    skip_without_lammps()
    original, _ = potential_file(MATERIALS["Cu"])
    material = find_material("Cu", potential=str(linked_potential(tmp_path, original)))
    edge = quick_solid(tmp_path / "run", material, 300.0, cells=3).a
    assert edge == pytest.approx(3.63, abs=0.03)  # A, copper at 300 K
    assert not list(tmp_path.rglob("stolen"))


def test_a_file_whose_own_name_holds_a_line_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "original").write_text("a potential")
    try:
        link = linked_potential(tmp_path, tmp_path / "original", name="x\nshell.eam")
    except OSError:
        pytest.skip("this system has no such names")
    with pytest.raises(InputFileError, match="rename that file"):
        potential_file(find_material("Cu", potential=str(link)))


@pytest.mark.parametrize(
    "words",
    ["eam\nshell ls", "eam\rshell", "eam\tfs", "eam &", "eam # x", "eam $x", 'eam "x', "eam 'x", "eam\u201cx", "", " "],
    ids=ascii,
)
def test_words_that_lammps_would_interpret_are_refused(words: str) -> None:
    with pytest.raises(ParameterError, match="interpret"):
        find_material("Cu", pair_style=words)
    smuggled = Material("Cu", "fcc", "eam", "p", 3.6, 1327.0)
    object.__setattr__(smuggled, "pair_style", words)  # past the border: it is checked again where it is written
    with pytest.raises(ValueError, match="must not reach"):
        scripts.bulk_solid(smuggled, Path("p"), **BULK)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("field", [field.name for field in fields(Material) if field.type == "str"])
@pytest.mark.parametrize(("protocol", "options"), PROTOCOLS, ids=lambda value: getattr(value, "__name__", ""))
def test_no_text_of_a_material_becomes_a_command(
    protocol: Callable[..., str], options: dict[str, Any], field: str
) -> None:
    """Whatever texts a material has, or will have: past the border they are refused, or no part of the input."""
    smuggled = replace(MATERIALS["Cu"])
    object.__setattr__(smuggled, field, "Cu\nshell touch stolen\n")
    try:
        text = protocol(smuggled, Path("x.eam"), **options)
    except (ValueError, LookupError):
        return
    assert text == protocol(MATERIALS["Cu"], Path("x.eam"), **options)


@pytest.mark.parametrize("words", ["eam/fs", "sw", "hybrid/overlay eam/alloy zbl 1.0 2.5", "table linear 1000"])
def test_styles_of_lammps_are_words(words: str) -> None:
    assert find_material("Cu", pair_style=words).pair_style == words


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1))
def test_whatever_a_file_is_called_its_copy_has_a_harmless_name(name: str) -> None:
    copy = scripts.potential_copy(Path("folder") / name)
    assert is_words(copy)
    assert copy.startswith("potential")
    assert set(copy).isdisjoint(" /")


@pytest.mark.parametrize("name", ["a.eam.alloy", "b.sw.gz", "c"])
def test_the_copy_keeps_the_endings(name: str) -> None:
    assert scripts.potential_copy(Path(name)) == f"potential{name[1:]}"


def test_inputs_have_the_hashes_of_shipped_records() -> None:
    skip_without_lammps()
    potential, _ = potential_file(MATERIALS["Si"])
    record = next(entry for entry in load_records("al-cu-si") if entry.id == "properties-Si-1395K-s0")
    duration = float(record.provenance.settings["duration_ps"])
    options: dict[str, Any] = {
        "temperature": 1395.0, "duration_ps": duration, "frame_ps": max(1.0, duration / 5), "seed": 0,
    }  # fmt: skip
    texts = {
        "solid/in.lammps": scripts.bulk_solid(MATERIALS["Si"], potential, **options),
        "liquid/in.lammps": scripts.bulk_liquid(MATERIALS["Si"], potential, **options),
    }
    again = describe(MATERIALS["Si"], source="", seed=0, scripts=texts, settings={}, command="")
    assert again.files == record.provenance.files
