"""The parts of a model of kinetics: what shall predict one target from one kind of evidence, and its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.catalogue import MODELS
from nakaya.kinetics.samples.arranging import all_samples
from nakaya.kinetics.samples.corpus import Corpus
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import TARGET_SCALES, EvidenceKind, Sample
from nakaya.records.record import Record

__all__ = ["PartConfig", "part_samples"]


@dataclass(frozen=True)
class PartConfig:
    """What shall predict one target from one kind of evidence.

    Attributes:
        target: Name of the quantity.
        evidence: "A" or "B".
        candidates: Names of models; the first one wins where none is better, and where conditions are too few to
            tell (fewer than intervals need): then it should be the law that one would believe without any data.
        also: Candidates that are kept beside the best one: a network that can say where it looked, say.
    """

    target: str
    evidence: EvidenceKind
    candidates: tuple[str, ...]
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.target not in TARGET_SCALES:
            raise ParameterError(f"target {self.target!r} is none of {', '.join(TARGET_SCALES)}")
        if not self.candidates or any(name not in MODELS for name in self.candidates):
            raise ParameterError(f"candidates={list(self.candidates)}: expected some of {', '.join(MODELS)}")
        for name in self.candidates:
            entry = MODELS[name]
            if self.target not in entry.targets or self.evidence not in entry.evidence:
                raise ParameterError(f"{name} cannot learn {self.target} from evidence {self.evidence}")
        if not set(self.also) <= set(self.candidates):
            raise ParameterError(f"also={list(self.also)}: expected some of the candidates")


def part_samples(corpus: Corpus, records: Sequence[Record], part: PartConfig) -> tuple[Sample, ...]:
    """All labelled samples of a part."""
    if part.target == "nucleation_rate":
        return nucleation_samples(records, corpus.tables)
    return all_samples(corpus, part.evidence, part.target)
