"""Records of growth runs become samples without labels; labels and facets depend on what is held out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Final, get_args

import numpy as np

from nakaya.core.errors import InputFileError, ParameterError
from nakaya.kinetics.graphs.build import build_sequence, read_snapshots
from nakaya.kinetics.graphs.conditions import check_no_target
from nakaya.kinetics.graphs.facets import attach_facets, training_velocities
from nakaya.kinetics.graphs.sequence import unchanged
from nakaya.kinetics.samples.pooled import pooled_features
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.kinetics.samples.splits import condition_name
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.records.encoding import record_hash
from nakaya.records.record import Record, has_result
from nakaya.records.replicates import by_conditions
from nakaya.records.store import load_records, records_place

__all__ = [
    "FACET_CONDITIONS",
    "Corpus",
    "corpus_hash",
    "joined",
    "load_corpus",
    "make_sample",
    "read_corpus",
    "snapshot_folder",
    "with_facets",
]

log = logging.getLogger(__name__)

TARGET: Final = "growth_velocity"

FACET_CONDITIONS: Final = ("velocity_100", "velocity_110", "velocity_111", "velocity_own_face", "velocity_other_faces")
"""Conditions that training folds give: velocities of faces at the sample's temperature, its own face's among them, and
the mean of the others; NaN = not known. m/s."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """All growth runs with a result, and their evidence.

    Attributes:
        records: One per run, in order of their ids, each with a growth velocity.
        tables: Material -> properties in bulk.
        folder: Where the paths of snapshots start; None = graphs of the evidence have no atoms.
        left_out: Records that cannot be samples, with the reason.
        graphs: Whether samples get the levels of their graphs; tabular models need none.
    """

    records: tuple[Record, ...]
    tables: Mapping[str, MaterialTable]
    folder: Path | None
    left_out: tuple[tuple[str, str], ...] = ()
    graphs: bool = True
    _made: dict[tuple[str, EvidenceKind], Sample] = field(default_factory=dict, repr=False)

    def sample(self, record: Record, evidence: EvidenceKind) -> Sample:
        """The sample of a record without labels and facets; made once."""
        key = record.id, evidence
        if key not in self._made:
            folder = self.folder if self.graphs else None
            self._made[key] = make_sample(record, evidence, self.tables[record.material], folder)
        return self._made[key]

    def num_single(self) -> int:
        """Number of conditions with one seed only: they give no label to evidence of their own run."""
        return sum(len(seeds) == 1 for seeds in by_conditions(self.records).values())


def read_corpus(
    records: Iterable[Record],
    folder: Path | None = None,
    *,
    known: Iterable[Record] | None = None,
    graphs: bool = True,
) -> Corpus:
    """Choose the growth runs among records, and tabulate their materials.

    Args:
        records: Of any kind; those with a growth velocity, an orientation and a constant temperature are taken.
        folder: Where the paths of snapshots start; None = build no graphs of atoms.
        known: Records that hold properties of the materials; those of `records` by default.
        graphs: Whether samples get the levels of their graphs.
    """
    every = list(records)
    chosen, left_out = [], []
    for record in sorted(every, key=lambda record: record.id):
        if record.kind != "md" or record.orientation is None or TARGET not in record.quantities:
            continue
        if record.constant("temperature") is None:
            left_out.append((record.id, "no constant temperature"))
        elif not has_result(record, TARGET):
            left_out.append((record.id, f"no velocity ({'; '.join(record.flags) or record.status})"))
        else:
            chosen.append(record)
    source = every if known is None else list(known)
    tables = {material: tabulate(material, source) for material in sorted({record.material for record in chosen})}
    for name, reason in left_out:
        log.info("record %s is left out: %s", name, reason)
    return Corpus(tuple(chosen), tables, folder, tuple(left_out), graphs)


def corpus_hash(corpus: Corpus) -> str:
    """sha256 over the names and contents of the records that are trained on or scored, and of the materials' tables."""
    lines = [f"{record.id} {record_hash(record)}" for record in corpus.records]
    for material, table in sorted(corpus.tables.items()):
        lines.append(f"{material} {table.melting_temperature:.6g} {table.melting_error:.6g}")
        for name in ("lattice_parameter", "latent_heat", "diffusivity"):
            curve = getattr(table, name)
            lines.append(name + (" -" if curve is None else "".join(f" {curve(t):.6g}" for t in (400, 900, 1600))))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=2)
def load_corpus(source: str, graphs: bool) -> Corpus:
    """Read the records of a shipped set, a store or a file; made once per process.

    Args:
        source: Name or path.
        graphs: Whether samples get their graphs; snapshots that are not there (a set without its patches) leave the
            graphs without atoms.
    """
    records = load_records(source)
    return read_corpus(records, snapshot_folder(source, records) if graphs else None, graphs=graphs)


def snapshot_folder(source: str, records: Sequence[Record]) -> Path | None:
    """Folder in which the snapshots of a set lie; None where the set came without any of those that it names.

    Raises:
        InputFileError: Some are there and some are not.
    """
    place = records_place(source)
    folder = place if place.is_dir() else place.parent
    shots = [shot.path for record in records for shot in record.snapshots]
    missing = [path for path in shots if not (folder / path).is_file()]
    if missing and len(missing) < len(shots):
        raise InputFileError(
            f"{len(missing)} of {len(shots)} snapshots are not in {folder}, such as {missing[0]}: copy them there, or "
            "leave all of them out"
        )
    return None if missing else folder


def joined(first: Corpus, second: Corpus) -> Corpus:
    """Return the runs of two corpora as one; samples are made now, for each corpus has its own folder of snapshots.

    Raises:
        ParameterError: Both hold a record of one id.
    """
    if twice := sorted({record.id for record in first.records} & {record.id for record in second.records}):
        raise ParameterError(f"both sets hold a record {twice[0]}: what was learned from cannot be scored")
    for corpus in (first, second):
        for evidence, record in product(get_args(EvidenceKind), corpus.records):
            corpus.sample(record, evidence)
    return Corpus(
        tuple(sorted((*first.records, *second.records), key=lambda record: record.id)),
        {**second.tables, **first.tables},
        None,
        (*first.left_out, *second.left_out),
        first.graphs,
        {**first._made, **second._made},
    )


def make_sample(record: Record, evidence: EvidenceKind, table: MaterialTable, folder: Path | None) -> Sample:
    """Turn one record into a sample without labels and facets.

    Args:
        record: Its quantities are not looked at.
        evidence: "A": conditions only; "B": also what was seen early.
        table: Properties of the material.
        folder: Where the paths of its snapshots start; None = leave them.

    Raises:
        ParameterError: A target hides among the conditions or the evidence.
        InputFileError, FormatError: A snapshot is missing or damaged.
    """
    check_no_target(record)
    if evidence == "A":
        bare = replace(record, evidence={}, snapshots=())
        sequence = build_sequence(bare, table=table)
        pooled: dict[str, float] = {}
    else:
        frames = read_snapshots(record, folder) if folder is not None else []
        sequence = build_sequence(record, frames, table=table)
        pooled = pooled_features(record)
    first = sequence.frames[0]
    return Sample(
        record_id=record.id,
        condition=condition_name(record),
        material=record.material,
        orientation=record.orientation,
        temperature=record.conditions["temperature"].value,
        seed=record.provenance.seeds[0] if record.provenance.seeds else 0,
        evidence=evidence,
        conditions=dict(zip(first.global_names, first.global_values.tolist(), strict=True)),
        pooled=pooled,
        sequence=sequence,
        table=table,
    )


def with_facets(sample: Sample, training: Sequence[Record], *, level: bool = True) -> Sample:
    """Give a sample the velocities of faces that training records know: as conditions, and as a level of its graphs.

    Args:
        sample: Without facets.
        training: Records whose results may be looked at; replicates of the sample's condition must not be among them,
            for they hold its label.
        level: Whether the graphs get the level as well; tabular models look at the conditions only.
    """
    facets = training_velocities(training, sample.material, sample.temperature)
    others = [velocity for face, velocity in facets.velocities.items() if face != sample.orientation]
    known = {f"velocity_{face}": velocity for face, velocity in facets.velocities.items()}
    own = facets.velocities.get(sample.orientation or "", np.nan)
    known |= {"velocity_own_face": own, "velocity_other_faces": float(np.mean(others)) if others else np.nan}
    conditions = {**sample.conditions, **{name: known.get(name, np.nan) for name in FACET_CONDITIONS}}
    sample = replace(sample, conditions=conditions)
    if not level:
        return sample
    graphs = tuple(attach_facets(graph, facets, sample.orientation) for graph in sample.sequence.frames)
    correspondences = tuple(
        {**step, **unchanged(before, after)}
        for step, before, after in zip(sample.sequence.correspondences, graphs[:-1], graphs[1:], strict=True)
    )
    return replace(sample, sequence=replace(sample.sequence, frames=graphs, correspondences=correspondences))
