"""The model `msgnn` and its variants: an ensemble of networks that differ in their random numbers only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.kinetics.models.fields import FieldRanges, check_fields
from nakaya.kinetics.models.msgnn.augmentation import Augmentation, PatchPool, observe
from nakaya.kinetics.models.msgnn.batching import collate
from nakaya.kinetics.models.msgnn.columns import CLIP
from nakaya.kinetics.models.msgnn.config import DEFAULTS, SEARCH_SPACE, MsgnnConfig, read_settings
from nakaya.kinetics.models.msgnn.encoding import Encoding, fit_encoding
from nakaya.kinetics.models.msgnn.laws import make_law
from nakaya.kinetics.models.msgnn.network import Member, MsgnnNetwork
from nakaya.kinetics.models.msgnn.task import KineticTask
from nakaya.kinetics.models.protocol import PredictiveDistribution, Report, Settings
from nakaya.kinetics.samples.sample import TARGET_SCALES, Sample, label_values
from nakaya.learn.config import LoopConfig
from nakaya.learn.loop import fit
from nakaya.learn.search_space import Parameter
from nakaya.learn.threads import torch_threads
from nakaya.records.record import FIELDS

__all__ = ["Msgnn", "MsgnnPredictor", "make_msgnn", "make_no_cross", "make_no_graph", "make_single_level", "new_member"]

CHUNK = 16
"""Samples that are predicted at once: 16 frames of 4,000 atoms take below 1 GB."""

AVERAGE_DECAY = 0.98
CLIP_NORM = 1.0
SEEDS_APART = 7919


@dataclass(frozen=True, eq=False)
class MsgnnPredictor:
    """A fitted ensemble.

    Attributes:
        target: What it predicts.
        config: Settings.
        encoding: Columns and scales.
        members: Networks, in evaluation mode.
    """

    target: str
    config: MsgnnConfig
    encoding: Encoding
    members: tuple[Member, ...]

    def predict(self, samples: Sequence[Sample]) -> PredictiveDistribution:
        """Return the mixture of the members as one normal distribution: mean of means, and all their spread.

        Raises:
            ParameterError: A sample has a field that the training had not.
        """
        check_fields(samples, self._fields())
        means, spreads = self.predict_members(samples)
        variance = (spreads**2).mean(axis=0) + means.var(axis=0)
        return PredictiveDistribution(self.target, TARGET_SCALES[self.target], means.mean(axis=0), np.sqrt(variance))

    def _fields(self) -> FieldRanges:
        # Zero as well: in the training, records at rest state no field. Beyond CLIP all values are one to the network.
        columns = self.encoding.globals
        ranges = dict.fromkeys(FIELDS, (0.0, 0.0))
        for name, mean, scale in zip(columns.names, columns.mean.tolist(), columns.scale.tolist(), strict=True):
            if name in FIELDS:
                ranges[name] = min(0.0, mean - CLIP * scale), max(0.0, mean + CLIP * scale)
        return ranges

    def predict_members(self, samples: Sequence[Sample]) -> tuple[FloatArray, FloatArray]:
        """Return means and standard deviations of every member, each float64 [member, sample]."""
        means = np.zeros((len(self.members), len(samples)))
        spreads = np.ones_like(means)
        with torch_threads(1), torch.no_grad():
            for start in range(0, len(samples), CHUNK):
                part = samples[start : start + CHUNK]
                draws = [observe(self.encoding.encode(sample), self.config.dynamic_steps) for sample in part]
                batch = collate(draws, self.encoding)
                for number, member in enumerate(self.members):
                    mean, spread, _ = member(batch, member.law.rows(part))
                    means[number, start : start + len(part)] = mean.numpy()
                    spreads[number, start : start + len(part)] = spread.numpy()
        return means, spreads


@dataclass(frozen=True)
class Msgnn:
    """The multi-scale graph network as a kinetics model.

    Attributes:
        name: As in the tables.
        fixed: Settings that make a variant.
        search_space: What a study may tune.
        defaults: Where it starts.
        checkpoints: Folder of the state of a fit, of the folders "0", "1", ... of its members; None: it is not kept.
    """

    name: str = "msgnn"
    fixed: Mapping[str, float] = field(default_factory=dict)
    search_space: Sequence[Parameter] = SEARCH_SPACE
    defaults: Settings = field(default_factory=lambda: dict(DEFAULTS))
    checkpoints: Path | None = None

    def with_checkpoints(self, folder: Path) -> Msgnn:
        """Return a model that keeps the state of one fit in a folder; see `ResumableModel`."""
        return replace(self, checkpoints=folder)

    def fit(
        self,
        samples: Sequence[Sample],
        target: str,
        settings: Settings,
        *,
        seed: int,
        report: Report | None = None,
    ) -> MsgnnPredictor:
        """Fit an ensemble.

        Args:
            samples: All with a label of `target`.
            target: "growth_velocity" or "nucleation_rate".
            settings: Of the search space or the options; what is left out keeps its default.
            seed: Of all random numbers.
            report: Called during the fit with the fraction that is done and the latest terms of the loss.

        Raises:
            ParameterError: No samples, one without a label, settings out of range, or a material without the
                properties that the law needs.
            UnknownNameError: A setting that there is none of.
        """
        config = read_settings(settings, fixed=self.fixed)
        if target not in TARGET_SCALES:
            raise ParameterError(f"target {target!r} is none of {', '.join(TARGET_SCALES)}")
        labels, excess = label_values(samples, target), _excess_noise(samples, target)
        if len(samples) < 2:
            raise ParameterError(f"{len(samples)} samples: at least 2 are needed to learn anything")
        encoding = fit_encoding(samples, levels=config.levels)
        augmentation = Augmentation(patch_atoms=config.patch_atoms, dynamic_steps=config.dynamic_steps)
        pools = [
            PatchPool(encoding.encode(sample), config.patch_atoms, augmentation.num_patches, (seed, number))
            for number, sample in enumerate(samples)
        ]
        members = []
        for number in range(config.members):

            def tell(done: int, figures: Mapping[str, float], number: int = number) -> None:
                if report is not None:
                    report((number + done / config.updates) / config.members, figures)

            member_seed = (seed * SEEDS_APART + number) % 2**31
            with torch_threads(1), torch.random.fork_rng(devices=[]):
                torch.manual_seed(member_seed)  # initial weights and dropout
                member = new_member(config, encoding, target)
                member.law.settle(samples, labels)
                task = KineticTask(
                    pools,
                    torch.from_numpy(labels.astype(np.float32)),
                    torch.from_numpy(excess.astype(np.float32)),
                    member.law.rows(samples),
                    encoding,
                    augmentation,
                    config.batch_size,
                )
                fitted = fit(
                    member,
                    task,
                    _loop(config, member_seed),
                    folder=self._folder(number),
                    fingerprint=_fingerprint(target, config, member_seed, samples),
                    report=tell,
                    fused=True,
                )
                member.load_state_dict(fitted.weights)
                member.eval()
            members.append(member)
        return MsgnnPredictor(target, config, encoding, tuple(members))

    def _folder(self, number: int) -> Path | None:
        if self.checkpoints is None:
            return None
        folder = self.checkpoints / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _fingerprint(target: str, config: MsgnnConfig, seed: int, samples: Sequence[Sample]) -> str:
    """What a checkpoint belongs to; that the samples of these names are the same, the folder's owner has to know."""
    names = [[sample.record_id, sample.evidence] for sample in samples]
    return sha256_of_bytes(json.dumps([target, asdict(config), seed, names], sort_keys=True).encode())


def new_member(config: MsgnnConfig, encoding: Encoding, target: str) -> Member:
    """A network with random weights, drawn from torch's generator, and an unsettled law."""
    return Member(MsgnnNetwork(config, encoding), make_law(target, physics=bool(config.physics)))


def _loop(config: MsgnnConfig, seed: int) -> LoopConfig:
    return LoopConfig(
        updates=config.updates,
        learning_rate=config.learning_rate,
        warmup=0.05,
        final_rate=config.final_rate,
        weight_decay=config.weight_decay,
        clip_norm=CLIP_NORM,
        average_decay=AVERAGE_DECAY,
        validate_every=config.updates,
        checkpoint_every=config.updates,
        seed=seed,
    )


def _excess_noise(samples: Sequence[Sample], target: str) -> FloatArray:
    """Variance of each label beyond the median one, on the scale of the target, float64 [sample]; 0 = not stated."""
    labels = [sample.labels[target] for sample in samples]
    errors = np.array([label.standard_error for label in labels], dtype=np.float64)
    if TARGET_SCALES[target] == "log10":
        errors = errors / (np.array([label.value for label in labels]) * np.log(10))
    variance = errors**2
    known = np.isfinite(variance)
    usual = float(np.median(variance[known])) if known.any() else 0.0
    return np.asarray(np.where(known, np.maximum(variance - usual, 0.0), 0.0))


make_msgnn = Msgnn
"""The whole: all levels, and edges between them."""

make_single_level = partial(Msgnn, "gnn-single-level", {"multi_scale": 0.0})
"""The atomic level alone."""

make_no_graph = partial(Msgnn, "msgnn-no-graph", {"graph": 0.0})
"""No level: conditions, the series and pooled numbers."""

make_no_cross = partial(Msgnn, "msgnn-no-cross", {"cross_level": 0.0})
"""All levels, without edges between them."""
