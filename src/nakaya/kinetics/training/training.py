"""Training file to models of kinetics: candidates compared by cross-validation, the best one fitted to everything.

    out/model.json            what was chosen, with which scores, factors of intervals and training ranges
    out/TARGET-EVIDENCE/      weights and configuration, where the chosen model is a network
    out/predictions-*.json    what every model says of the samples that it was fitted to

Models without weights of their own (ridge, gp, ...) are fitted again from the records when they are needed: that takes
seconds, and no pickle is read.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeGuard

import numpy as np
from pydantic import Field

from nakaya.core.configuration import read_toml
from nakaya.core.errors import (
    MissingExtraError,
    NakayaError,
    OutputError,
    ParameterError,
    StoppedError,
    UnknownNameError,
)
from nakaya.core.files import check_output, write_whole
from nakaya.core.folders import move_folder
from nakaya.core.provenance import package_version
from nakaya.core.reading import MAX_DOCUMENT_BYTES, read_bounded
from nakaya.core.resumable import staged
from nakaya.kinetics.models.catalogue import find_entry, find_model, model_names
from nakaya.kinetics.models.conformal import calibrate, fewest_groups, normal_factor
from nakaya.kinetics.models.protocol import PredictiveDistribution, Predictor, ResumableModel
from nakaya.kinetics.models.tuned import tuned_settings
from nakaya.kinetics.prediction.reference import predictions_file, write_predictions
from nakaya.kinetics.prediction.report import UNFINISHED, Coverage, ModelCard, Part, write_card
from nakaya.kinetics.samples.arranging import Arrangement, arrange_fold, labelled_samples, outer_folds
from nakaya.kinetics.samples.corpus import Corpus, read_corpus
from nakaya.kinetics.samples.sample import TARGET_SCALES, EvidenceKind, Sample, label_values
from nakaya.records.record import Record
from nakaya.records.shipped import SHIPPED_SET
from nakaya.records.store import hash_records, load_records, records_place

if TYPE_CHECKING:
    from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor

__all__ = ["KineticsTraining", "PartConfig", "is_kinetics", "read_kinetics_training", "train_kinetics"]

Progress = Callable[[str], None]
LEVEL = 0.9
MIN_SAMPLES = 3


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
        if not self.candidates or any(name not in model_names() for name in self.candidates):
            raise ParameterError(f"candidates={list(self.candidates)}: expected some of {', '.join(model_names())}")
        for name in self.candidates:
            entry = find_entry(name)
            if self.target not in entry.targets or self.evidence not in entry.evidence:
                raise ParameterError(f"{name} cannot learn {self.target} from evidence {self.evidence}")
        if not set(self.also) <= set(self.candidates):
            raise ParameterError(f"also={list(self.also)}: expected some of the candidates")


@dataclass(frozen=True)
class KineticsTraining:
    """A training file for kinetics, checked.

    Attributes:
        name: Of the model.
        records: Shipped set, or store of records.
        seed: Of all fits.
        parts: What shall be predicted.
        settings: Model -> settings that differ from its defaults, or from the tuned ones.
        tuned: Whether models of growth velocities start from the settings that studies found for the shipped set.
        nuclei: Shipped set, or store, of interfacial energies that `nakaya md rates` wrote: predictions take their
            nucleation rates from it; None = from those among `records`, if there are any.
        model: What tells the file from training files of emulators.

    Raises:
        ParameterError: There are no parts.
        UnknownNameError: There are settings for a model that there is none of.
    """

    name: str
    records: str = SHIPPED_SET
    seed: int = 0
    parts: Annotated[tuple[PartConfig, ...], Field(alias="part")] = ()
    settings: dict[str, dict[str, float]] = field(default_factory=dict)
    tuned: bool = False
    nuclei: str | None = None
    model: Literal["kinetics"] = "kinetics"

    def __post_init__(self) -> None:
        if not self.parts:
            raise ParameterError(f"the training {self.name!r} has no part: say what shall be predicted")
        for name in self.settings:
            if name not in model_names():
                raise UnknownNameError("kinetics model in settings", name, model_names())


def is_kinetics(path: Path) -> bool:
    """Whether a training file asks for models of kinetics; other files are left to their own reader."""
    try:
        return tomllib.loads(read_bounded(path, MAX_DOCUMENT_BYTES).decode()).get("model") == "kinetics"
    except (OSError, ValueError, RecursionError):
        return False


def read_kinetics_training(path: Path) -> KineticsTraining:
    """Read a training file; `examples/train-kinetics.toml` explains every entry.

    Raises:
        InputFileError: The file cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown, or wrong.
    """
    return read_toml(path, KineticsTraining)


def train_kinetics(
    config: KineticsTraining, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> ModelCard:
    """Choose and fit models, and write them to a new folder, which appears whole or not at all.

    Killed and called again with the same configuration and records, it goes on with the candidate at which it was, and
    a network with its last checkpoint; what it ends with does not depend on that.

    Args:
        config: What shall be predicted.
        out: Folder to write.
        overwrite: Whether to replace it.
        progress: Told one line per fit.

    Raises:
        OutputError: `out` exists.
        ParameterError: There are no records to learn a target from.
        StoppedError: SIGINT or SIGTERM came while a network learned; its checkpoint was written.
        MissingExtraError: A package is not installed.
    """
    check_output(out, overwrite=overwrite, sign="model.json")
    tell = progress or (lambda _: None)
    records = load_records(config.records)
    place = records_place(config.records)
    corpus = read_corpus(records, place if place.is_dir() else place.parent)
    digest = hash_records(records)
    # What was compared before a kill serves the same question only.
    settings = [_settings(config, part, name) for part in config.parts for name in part.candidates]
    question = json.dumps([asdict(config), settings, digest, package_version()], sort_keys=True).encode()
    with staged(out, question) as folder:
        model = folder / UNFINISHED
        shutil.rmtree(model, ignore_errors=True)
        try:
            model.mkdir(parents=True)
            parts: list[Part] = []
            for part in config.parts:
                parts += _train_part(config, part, corpus, records, folder, tell)
                if parts:  # so that a model can be asked before all of it is there
                    write_card(ModelCard(config.name, config.records, digest, tuple(parts), config.nuclei), model)
            if not parts:
                raise ParameterError(
                    f"{config.records} holds too few labelled samples of any target that was asked for"
                )
        except ModuleNotFoundError as error:
            raise MissingExtraError("models of kinetics", "ml") from error
        except (StoppedError, OutputError):  # the same command goes on, with room on the disk
            raise
        except NakayaError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        card = ModelCard(config.name, config.records, digest, tuple(parts), config.nuclei)
        write_card(card, model)
        move_folder(model, out, overwrite=overwrite)
    return card


def _folds(corpus: Corpus, part: PartConfig, samples: Sequence[Sample]) -> list[Arrangement]:
    if part.target == "nucleation_rate":  # few conditions: each is held out once
        return [
            Arrangement(tuple(other for other in samples if other is not sample), (sample,))
            for sample in samples
            if len(samples) > 2
        ]
    found = [
        arrange_fold(corpus, part.evidence, part.target, "temperature", fold)
        for fold in outer_folds(corpus, "temperature")
    ]
    return [fold for fold in found if fold.train and fold.test]


def _train_part(
    config: KineticsTraining,
    part: PartConfig,
    corpus: Corpus,
    records: Sequence[Record],
    folder: Path,
    tell: Progress,
) -> list[Part]:
    samples = labelled_samples(corpus, records, part.target, part.evidence)
    if len(samples) < MIN_SAMPLES:
        tell(
            f"{part.target}, evidence {part.evidence}: left out, for {config.records} holds {len(samples)} labelled "
            f"samples of it (evidence B needs two seeds), and {MIN_SAMPLES} are needed"
        )
        return []
    folds = _folds(corpus, part, samples)
    scores: dict[str, float] = {}
    outside: dict[str, PredictiveDistribution] = {}
    forecasts: dict[str, dict[str, float]] = {}
    tested = [sample for fold in folds for sample in fold.test]
    labels = label_values(tested, part.target) if tested else np.zeros(0)
    for name in part.candidates if tested else ():
        compared = folder / f"{part.target}-{part.evidence}-{name}.json"
        if not compared.is_file():
            checkpoints = folder / f"{part.target}-{part.evidence}-{name}"
            fitted = [
                _fit(config, part, name, fold.train, checkpoints / f"fold-{number}")
                for number, fold in enumerate(folds, start=1)
            ]
            predicted = PredictiveDistribution.joined(
                [model.predict(fold.test) for model, fold in zip(fitted, folds, strict=True)]
            )
            document = {
                "mean": predicted.mean.tolist(),
                "spread": predicted.standard_deviation.tolist(),
                "forecasts": _forecast_scores(fitted, folds) if part.evidence == "B" else {},
            }
            write_whole(compared, json.dumps(document).encode())
            shutil.rmtree(checkpoints, ignore_errors=True)
        outside[name], forecasts[name] = _compared(compared, part.target)
        scores[name] = float(np.sqrt(np.mean((outside[name].mean - labels) ** 2)))
        tell(f"{part.target}, evidence {part.evidence}: {name} {scores[name]:.3g} in cross-validation")
    groups = len({sample.condition for sample in tested})
    chosen = part.candidates[0]
    if groups >= fewest_groups(LEVEL):
        chosen = min(scores, key=lambda name: scores[name])
    elif len(part.candidates) > 1:
        tell(f"{part.target}, evidence {part.evidence}: {groups} conditions cannot choose: {chosen} is taken")
    parts = []
    for name in dict.fromkeys((chosen, *part.also)):
        factor, least, note = normal_factor(LEVEL), 0.0, "no conditions were left to calibrate intervals"
        if scores:
            calibration = calibrate(outside[name], labels, [sample.condition for sample in tested], level=LEVEL)
            factor, note = calibration.factor, calibration.note
            if calibration.method == "normal":  # then at least as wide as the errors that were seen
                least = scores[name]
        settings = _settings(config, part, name)
        whole = _fit(config, part, name, samples, folder / f"{part.target}-{part.evidence}-{name}" / "all")
        files = _save(
            whole, folder / UNFINISHED, f"{part.target.replace('_', '-')}-{part.evidence}-{name}", len(samples)
        )
        kept = predictions_file(folder / UNFINISHED, part.target, part.evidence, name)
        write_predictions(kept, samples, whole.predict(samples))
        tell(f"{part.target}, evidence {part.evidence}: {name} fitted to {len(samples)} samples")
        parts.append(
            Part(
                part.target, part.evidence, name, settings, config.seed, factor, least, note, files, scores,
                _covers(samples), forecasts.get(name, {}),
            )
        )  # fmt: skip
    return parts


def _fit(
    config: KineticsTraining, part: PartConfig, name: str, samples: Sequence[Sample], checkpoints: Path
) -> Predictor:
    """Fit a model to samples, or go on with a fit that was stopped."""
    model = find_model(name)
    if isinstance(model, ResumableModel):
        model = model.with_checkpoints(checkpoints)
    try:
        return model.fit(samples, part.target, _settings(config, part, name), seed=config.seed)
    except StoppedError as error:
        where = f"{part.target}, evidence {part.evidence}: {name}, {checkpoints.name.replace('-', ' ')}"
        raise StoppedError(f"{where}: {error}", error.signal) from None


def _forecast_scores(fitted: Sequence[Predictor], folds: Sequence[Arrangement]) -> dict[str, float]:
    """Errors of forecasts of the solid fraction on held-out samples; empty for models that do not forecast."""
    networks = [(model, fold) for model, fold in zip(fitted, folds, strict=True) if _is_network(model)]
    if not networks:
        return {}
    from nakaya.kinetics.models.msgnn.forecast import join_scores, score_forecasts

    found = []
    for model, fold in networks:
        with suppress(ParameterError):  # no series of the solid fraction in this fold
            found.append(score_forecasts(model, fold.test))
    return asdict(join_scores(found)) if found else {}


def _save(fitted: Predictor, folder: Path, name: str, num_samples: int) -> str | None:
    """Write a network to its subfolder; other models are fitted again when they are needed."""
    if not _is_network(fitted):
        return None
    from nakaya.kinetics.models.msgnn.files import save_predictor

    save_predictor(fitted, folder / name, about={"samples": num_samples})
    return name


def _is_network(fitted: Predictor) -> TypeGuard[MsgnnPredictor]:
    """Whether a model has weights, without loading torch for those that have none."""
    return hasattr(fitted, "encoding")


def _settings(config: KineticsTraining, part: PartConfig, name: str) -> dict[str, float]:
    # Studies were made of growth velocities: what they found says nothing of nucleation.
    tuned = tuned_settings(name, part.evidence) if config.tuned and part.target == "growth_velocity" else {}
    return {**find_model(name).defaults, **tuned, **config.settings.get(name, {})}


def _compared(path: Path, target: str) -> tuple[PredictiveDistribution, dict[str, float]]:
    """Predictions outside the training and errors of forecasts, as an earlier call or this one left them."""
    found = json.loads(path.read_text(encoding="utf-8"))
    mean, spread = (np.array(found[name], dtype=np.float64) for name in ("mean", "spread"))
    return PredictiveDistribution(target, TARGET_SCALES[target], mean, spread), found["forecasts"]


def _covers(samples: Sequence[Sample]) -> dict[str, Coverage]:
    found = {}
    for material in sorted({sample.material for sample in samples}):
        own = [sample for sample in samples if sample.material == material]
        kelvins = [sample.temperature for sample in own]
        faces = sorted({sample.orientation for sample in own if sample.orientation is not None})
        found[material] = Coverage(tuple(faces), (min(kelvins), max(kelvins)))
    return found
