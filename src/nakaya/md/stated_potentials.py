"""Which potential a record was made with: velocities and melting points are those of a potential, not of an element."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from nakaya.records.record import Record

__all__ = ["INGESTED", "StatedPotential", "common_potential", "stated_potential"]

INGESTED = "potential"
"""Under this name an ingested record holds the hash of the potential that its user named."""

_SCRIPT = "in.lammps"


@dataclass(frozen=True)
class StatedPotential:
    """A file with a potential, as a record names it.

    Attributes:
        file: Its name.
        sha256: Of its bytes, 64 hexadecimal digits.
    """

    file: str
    sha256: str

    def __str__(self) -> str:
        digest = f"sha256 {self.sha256[:12]}"
        return digest if self.file == INGESTED else f"{self.file} ({digest})"


def stated_potential(record: Record) -> StatedPotential | None:
    """The potential that a record of molecular dynamics states; None = it states none."""
    files = record.provenance.files
    if record.kind != "md":
        return None
    if INGESTED in files:
        return StatedPotential(INGESTED, files[INGESTED])
    others = [name for name in files if name.split("/")[-1] != _SCRIPT]
    # A run of ours has the potential and its scripts; without a script the file is a trajectory of somebody else's.
    return StatedPotential(others[0], files[others[0]]) if len(others) == 1 and len(files) > 1 else None


def common_potential(material: str, records: Iterable[Record]) -> StatedPotential | None:
    """The potential that most records of a material state; None = no record states one."""
    stated = (stated_potential(record) for record in records if record.material == material)
    counts = Counter(potential for potential in stated if potential is not None)
    return max(counts, key=lambda potential: (counts[potential], potential.file), default=None)
