"""One run in a folder of its own: write the input, run it, hand back log and frames, describe what was used."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import OutputError
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.crystallography.lattices import build_crystal
from nakaya.md.lammps.program import LammpsError, Log, lammps_version, read_log, run_lammps
from nakaya.md.lammps.scripts import data_file, potential_copy, single_point
from nakaya.md.potentials import Material, potential_file
from nakaya.md.trajectories.dump import read_dump
from nakaya.md.trajectories.text_files import Trajectory
from nakaya.records.record import Provenance, Quantity, Record, Status

__all__ = ["FinishedRun", "check_potential", "describe", "record_of_run", "simulate"]


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended well.

    Attributes:
        folder: Where its files lie.
        log: Thermodynamic output.
        material: What it is of.
    """

    folder: Path
    log: Log
    material: Material

    def frames(self) -> Trajectory:
        """Its frames, read one by one."""
        return read_dump(self.folder / "frames.dump", lammps_units="metal", elements=[self.material.name])


def simulate(
    folder: Path,
    material: Material,
    positions: FloatArray,
    box: FloatArray,
    script: str,
    *,
    velocities: FloatArray | None = None,
) -> FinishedRun:
    """Run a script on a start configuration: positions float64 [atom, 3] in A, box float64 [3] in A.

    Velocities, float64 [atom, 3] in A/ps, are those that the script does not draw itself.

    The potential is copied beside the input, which names the copy: no path of a user's is part of an input.

    Raises:
        MissingExtraError, LammpsError: As in `run_lammps`.
        InputFileError: There is no potential.
        OutputError: The folder cannot be written.
    """
    potential, _ = potential_file(material)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "start.data").write_text(data_file(positions, box, material, velocities=velocities))
        (folder / "in.lammps").write_text(script)
        shutil.copyfile(potential, folder / potential_copy(potential))
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {(error.strerror or 'unknown reason').lower()}") from None
    log = run_lammps(folder)
    return FinishedRun(folder, read_log(log), material)


def check_potential(material: Material) -> None:
    """Let LAMMPS read a potential, and use it once on a crystal of a few atoms: it takes a moment.

    Raises:
        MissingExtraError, InputFileError, OutputError: As in `simulate`.
        LammpsError: It cannot: the file does not have the element, say.
    """
    potential, _ = potential_file(material)
    positions, box = build_crystal(material.structure, "100", material.lattice_parameter, (2, 2, 2))
    with tempfile.TemporaryDirectory() as folder:
        try:
            simulate(Path(folder), material, positions, box, single_point(material, potential))
        except LammpsError as error:
            reason = str(error).partition("failed: ")[2] or str(error)
            style = f"the pair style {material.pair_style}"
            raise LammpsError(f"{potential.name} is no potential of {material.name} for {style}: {reason}") from None


def describe(
    material: Material,
    *,
    source: str,
    seed: int,
    scripts: Mapping[str, str],
    settings: Mapping[str, object],
    command: str,
) -> Provenance:
    """Say what went into a record: potential and inputs by hash, versions, seed, settings."""
    path, digest = potential_file(material)
    files = {path.name: digest}
    for name, text in scripts.items():
        # Hashed with the potential's own name, by which the record states its hash, in place of that of the copy.
        files[name] = sha256_of_bytes(text.replace(f'"{potential_copy(path)}"', f'"{path.name}"').encode())
    return Provenance(
        source=source,
        files=files,
        software={"nakaya": package_version(), "lammps": lammps_version()},
        seeds=(seed,),
        commands=(command,),
        settings={
            "structure": material.structure,
            "pair_style": material.pair_style,
            "time_step_ps": str(material.time_step_ps),
            **{key: str(value) for key, value in settings.items()},
        },
    )


class PlannedRun(Protocol):
    """What every plan of a run has."""

    @property
    def id(self) -> str: ...
    @property
    def material(self) -> Material: ...
    @property
    def seed(self) -> int: ...


def record_of_run(
    run: PlannedRun,
    conditions: Mapping[str, Quantity],
    quantities: Mapping[str, Quantity],
    flags: Sequence[str],
    *,
    source: str,
    scripts: Mapping[str, str],
    settings: Mapping[str, object],
    command: str,
    status: Status | None = None,
    **parts: Any,  # further fields of a record
) -> Record:
    """Return the record of a run; by default it is flagged where it has flags. Arguments as in `Record`, `describe`."""
    return Record(
        id=run.id,
        kind="md",
        material=run.material.name,
        orientation=getattr(run, "orientation", None),
        conditions=conditions,
        quantities=quantities,
        provenance=describe(
            run.material, source=source, seed=run.seed, scripts=scripts, settings=settings, command=command
        ),
        status=status or ("flagged" if flags else "ok"),
        flags=flags,
        **parts,
    )
