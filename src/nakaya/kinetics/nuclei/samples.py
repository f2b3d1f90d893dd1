"""Records of seeding become samples: one nucleus at its release, and what became of it.

Everything comes from the records and the snapshots that they name. What a model may look at (`NucleusSample.sample`,
but for its label) is from the moment of the release; what it has to tell is from later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.conditions import crystal_structure
from nakaya.kinetics.graphs.graph import Evidence, GraphSequence
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.nuclei.atoms import NucleusAtoms, nucleus_atoms
from nakaya.kinetics.nuclei.environment import nucleus_environment
from nakaya.kinetics.nuclei.features import cluster_features
from nakaya.kinetics.nuclei.labels import AFTER_PS, PICOSECOND, SizeChange, fate, size_change
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.order.bond_order import CLASSIFIERS, Classifier
from nakaya.md.patches import read_patches
from nakaya.md.seeding.critical_size import CriticalSize, NotBracketedError, critical_size
from nakaya.md.seeding.nuclei import RELEASE_FRAME, SOLID_BRANCHES, SeededNucleus, seeded_nuclei
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import DRIVING_FORCE, Record
from nakaya.records.store import snapshot_file

__all__ = [
    "TARGET",
    "NoNucleiError",
    "NucleusSample",
    "NucleusSet",
    "describe_nucleus",
    "read_nuclei",
]

log = logging.getLogger(__name__)

TARGET: Final = "nucleus_size_change"
"""Mean over the branches of (n(t) - n(0)) / n(0)^(2/3), dimensionless."""


class NoNucleiError(ParameterError):
    """Records of which none is of a seeding run; the command line adds how to make some."""


@dataclass(frozen=True, eq=False)
class NucleusSample:
    """One nucleus at its release.

    Attributes:
        sample: What models see: conditions, features of the cluster ("pooled"), the graph of its atoms; and the label.
        shape: As the crystallite was cut.
        change: What became of it.
        grown: Branches that grew beyond twice the critical size of their material and temperature.
        dissolved: Branches that dissolved below half of it.
        solid_fraction: Of the branches, in which each atom of the graph belongs to the nucleus in the end, float64
            [atom]; None where the record does not tell.
    """

    sample: Sample
    shape: str
    change: SizeChange
    grown: int = 0
    dissolved: int = 0
    solid_fraction: FloatArray | None = None

    @property
    def name(self) -> str:
        """Id of the record."""
        return self.sample.record_id

    @property
    def material(self) -> str:
        """Chemical symbol."""
        return self.sample.material

    @property
    def temperature(self) -> float:
        """K."""
        return self.sample.temperature

    @property
    def group(self) -> str:
        """Material and temperature, such as "Al 640 K"."""
        return _group(self.material, self.temperature)

    @property
    def columns(self) -> dict[str, float]:
        """All numbers of a tabular model."""
        return {**self.sample.conditions, **self.sample.pooled}


@dataclass(frozen=True, eq=False)
class NucleusSet:
    """Nuclei of some records.

    Attributes:
        nuclei: In the order of their names.
        left_out: (record, why) of those records of seeding that make no sample.
        after_ps: Time of the labels.
        critical_sizes: Material and temperature, such as "Al 640 K" -> critical size, where it was seen.
        classifiers: The same -> what counts as solid there.
        structures: The same -> structure of the crystal.
    """

    nuclei: tuple[NucleusSample, ...]
    left_out: tuple[tuple[str, str], ...]
    after_ps: float
    critical_sizes: Mapping[str, CriticalSize] = field(default_factory=dict)
    classifiers: Mapping[str, Classifier] = field(default_factory=dict)
    structures: Mapping[str, str] = field(default_factory=dict)


def read_nuclei(records: Iterable[Record], folder: Path, *, after_ps: float = AFTER_PS) -> NucleusSet:
    """Turn records into samples; records of other kinds are passed over.

    Args:
        records: Of a set.
        folder: Where the paths of their snapshots start.
        after_ps: Time from the release at which the size is looked at again.

    Raises:
        NoNucleiError: None of the records is of a seeding run.
        FormatError: A snapshot is missing, or not what the record says.
    """
    every = sorted(records, key=lambda record: record.id)
    seeded = [(record, nucleus) for record in every for nucleus in seeded_nuclei([record])]
    if not seeded:
        raise NoNucleiError(f"none of the {len(every)} records is of a nucleus with its branches")
    tables = {name: tabulate(name, every) for name in sorted({record.material for record, _ in seeded})}
    found, left_out = [], []
    for record, nucleus in seeded:
        try:
            found.append(_sample(record, nucleus, folder, tables[record.material], after_ps=after_ps))
        except ParameterError as error:
            log.info("record %s is left out: %s", record.id, error)
            left_out.append((record.id, str(error)))
    critical = _critical_sizes([nucleus for _, nucleus in seeded])
    nuclei = tuple(_with_fates(nucleus, critical.get(nucleus.group)) for nucleus in found)
    by_id = {record.id: record for record in every}
    classifiers = {nucleus.group: _classifier(by_id[nucleus.name]) for nucleus in nuclei}
    structures = {nucleus.group: _structure(by_id[nucleus.name]) for nucleus in nuclei}
    return NucleusSet(nuclei, tuple(left_out), after_ps, critical, classifiers, structures)


def _group(material: str, temperature: float) -> str:
    return f"{material} {temperature:g} K"


def _critical_sizes(seeded: Sequence[SeededNucleus]) -> dict[str, CriticalSize]:
    groups: dict[str, list[SeededNucleus]] = {}
    for nucleus in seeded:
        groups.setdefault(_group(nucleus.material, nucleus.temperature), []).append(nucleus)
    found = {}
    for name, members in groups.items():
        try:
            found[name] = critical_size(members)
        except NotBracketedError as error:
            log.info("%s: no critical size: %s", name, error)
    return found


def _with_fates(nucleus: NucleusSample, critical: CriticalSize | None) -> NucleusSample:
    if critical is None:
        return nucleus
    fates = [fate(size, critical.value) for size in nucleus.change.last.tolist()]
    return replace(nucleus, grown=fates.count("grown"), dissolved=fates.count("dissolved"))


def _sample(
    record: Record, nucleus: SeededNucleus, folder: Path, table: MaterialTable, *, after_ps: float
) -> NucleusSample:
    change = size_change(nucleus, after_ps=after_ps)
    shot = next((shot for shot in record.snapshots if shot.form == RELEASE_FRAME), None)
    if shot is None:
        raise ParameterError("no snapshot of the release")
    frame = read_patches(snapshot_file(record, shot, folder), record.material)[0]
    label = Label(TARGET, "1", change.mean, change.standard_error, (record.id,))
    described, atoms = describe_nucleus(
        frame,
        _classifier(record),
        name=record.id,
        structure=_structure(record),
        temperature=nucleus.temperature,
        driving_force=record.conditions[DRIVING_FORCE].value,
        table=table,
    )
    sample = replace(described, labels={TARGET: label})
    fraction = _solid_fraction(record, nucleus, atoms.numbers, after_ps)
    return NucleusSample(sample, nucleus.shape, change, solid_fraction=fraction)


def describe_nucleus(
    frame: Frame,
    classifier: Classifier,
    *,
    name: str,
    structure: str,
    temperature: float,
    driving_force: float,
    table: MaterialTable,
) -> tuple[Sample, NucleusAtoms]:
    """Describe a nucleus as models see it, without a label.

    Args:
        frame: All atoms; its column `solid` says which of them are the nucleus.
        classifier: With the thresholds of the temperature.
        name: Of the sample.
        structure: Of the crystal.
        temperature: K.
        driving_force: delta-mu/kT; NaN = not known.
        table: Properties of the material.

    Raises:
        ParameterError: No nucleus, or no melt.
    """
    seen = nucleus_environment(frame, classifier, frame.extra["solid"] > 0.5)
    atoms = nucleus_atoms(seen, structure=structure, temperature=temperature)
    sample = Sample(
        record_id=name,
        condition=name,  # the unit that is drawn and held out is a nucleus
        material=table.material,
        orientation=None,
        temperature=temperature,
        seed=0,
        evidence="B",
        conditions={"homologous_temperature": temperature / table.melting_temperature, DRIVING_FORCE: driving_force},
        pooled=cluster_features(seen),
        sequence=GraphSequence(name, np.zeros(1), (atoms.graph,), (), Evidence(np.zeros(0), (), np.zeros((0, 0)))),
        table=table,
    )
    return sample, atoms


def _structure(record: Record) -> str:
    structure = crystal_structure(record)
    if structure is None:
        raise ParameterError(f"the crystal structure of {record.material} is not known")
    return structure


def _classifier(record: Record) -> Classifier:
    settings: Mapping[str, str] = record.provenance.settings
    usual = CLASSIFIERS[_structure(record)]
    return replace(
        usual,
        coherence=float(settings.get("bond_threshold", usual.coherence)),
        averaged_q6=float(settings.get("averaged_q6_threshold", usual.averaged_q6)),
    )


def _solid_fraction(record: Record, nucleus: SeededNucleus, numbers: IntArray, after_ps: float) -> FloatArray | None:
    """Fraction of the branches in which each of some atoms is solid in the end; None where it was not counted then."""
    if float(record.provenance.settings.get("duration_ps", AFTER_PS)) != after_ps:
        return None
    counted = record.quantities.get(SOLID_BRANCHES)
    if counted is None or counted.axis is None:
        moment = int(np.argmin(np.abs(nucleus.times - after_ps * PICOSECOND)))
        return None if nucleus.sizes[:, moment].any() else np.zeros(len(numbers))  # all dissolved: no atom to list
    by_number = dict(zip(counted.axis.values.astype(int).tolist(), counted.values.tolist(), strict=True))
    return np.array([by_number.get(number, 0.0) / len(nucleus.sizes) for number in numbers.tolist()])
