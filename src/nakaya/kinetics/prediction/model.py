"""A trained model of kinetics in memory: its card, its records, and its parts, read or fitted again when needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from nakaya.kinetics.models.catalogue import find_entry, find_model
from nakaya.kinetics.models.protocol import Predictor
from nakaya.kinetics.prediction.rates import interfacial_energies
from nakaya.kinetics.prediction.report import ModelCard, Part, find_model_folder, is_unfinished, read_card
from nakaya.kinetics.samples.arranging import labelled_samples
from nakaya.kinetics.samples.corpus import Corpus, read_corpus
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.seeding.interfacial_energy import InterfacialEnergy
from nakaya.md.stated_potentials import StatedPotential, common_potential
from nakaya.md.tables import MaterialTable, tabulate
from nakaya.records.record import Record
from nakaya.records.store import hash_records, load_records, record_folder

__all__ = ["DEFAULT_MODEL", "KineticsModel", "load_model"]

DEFAULT_MODEL = "al-cu-si"


@dataclass(frozen=True, eq=False)
class KineticsModel:
    """A model of kinetics in memory.

    Attributes:
        card: What it is.
        folder: Where it lies.
        records: That it was fitted to.
        corpus: Growth runs among them.
        notes: What a user should know of the whole.
        interfacial_energies: Material -> what seeding and quenches said of it.
    """

    card: ModelCard
    folder: Path
    records: tuple[Record, ...]
    corpus: Corpus
    notes: tuple[str, ...] = ()
    interfacial_energies: Mapping[str, InterfacialEnergy] = field(default_factory=dict)
    _predictors: dict[str, Predictor] = field(default_factory=dict)

    def table(self, material: str) -> MaterialTable:
        """Properties of a material; empty ones where the records do not know it."""
        return self.corpus.tables.get(material) or tabulate(material, self.records)

    def potential(self, material: str) -> StatedPotential | None:
        """The potential of the records that say what is known of a material; None where they do not state it."""
        return common_potential(material, self.records)

    @cached_property
    def _without_atoms(self) -> Corpus:
        # Graphs take time, and tables do not look at them.
        return replace(self.corpus, folder=None, _made={})

    def samples(self, part: Part) -> tuple[Sample, ...]:
        """What a part was fitted to."""
        corpus = self.corpus if find_entry(part.model).graphs else self._without_atoms
        return labelled_samples(corpus, self.records, part.target, part.evidence)

    def predictor(self, part: Part) -> Predictor:
        """The fitted model of a part; read, or fitted again, once.

        Raises:
            FormatError: Its files are damaged.
            MissingExtraError: A package is not installed.
        """
        key = f"{part.target} {part.evidence} {part.model}"
        if key in self._predictors:
            return self._predictors[key]
        model = find_model(part.model)  # says so where packages are missing
        if part.files is None:
            found = model.fit(self.samples(part), part.target, part.settings, seed=part.seed)
        else:
            from nakaya.kinetics.models.msgnn.files import load_predictor

            found = load_predictor(self.folder / part.files)
        self._predictors[key] = found
        return found


def load_model(name_or_path: str | Path = DEFAULT_MODEL) -> KineticsModel:
    """Read a model: its card now, networks when they are needed.

    Raises:
        UnknownNameError, InputFileError, FormatError: There is none, or it is damaged.

    >>> model = load_model()
    >>> model.card.records, round(model.table("Cu").melting_temperature)
    ('al-cu-si', 1329)
    """
    folder = find_model_folder(name_or_path)
    card = read_card(folder)
    records = load_records(card.records)
    notes = []
    if is_unfinished(folder):
        known = ", ".join(f"{part.target} {part.evidence}" for part in card.parts)
        notes.append(f"the training of {name_or_path} is not finished: this is what it has so far ({known})")
    if hash_records(records) != card.records_sha256:
        notes.append(f"the records {card.records} are not those that the model was fitted to: train it again")
    corpus = read_corpus(records, record_folder(card.records))
    nuclei = [*records, *([] if card.nuclei is None else load_records(card.nuclei))]
    potentials = {material: common_potential(material, records) for material in {each.material for each in records}}
    energies, doubts = interfacial_energies(nuclei, records, potentials)
    return KineticsModel(card, folder, tuple(records), corpus, (*notes, *doubts), energies)
