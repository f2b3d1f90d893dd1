"""What mattered for a prediction: by leaving parts of the evidence out, and by where a network looked.

Ablation asks any model: how does the prediction change without this level, cluster, frame, or the early numbers?
Attention is what a network itself says. The two need not agree: a large share means looked at, not relied on.

What is explained is a network where there is one, for it alone sees levels, clusters and frames. `nakaya predict` may
trust another model of the same evidence; then both are asked, and both answers stand beside each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.sparse import coo_array

from nakaya.core.errors import ParameterError, UnstatedError
from nakaya.core.files import check_output, write_whole
from nakaya.kinetics.graphs.graph import Level, MultiscaleGraph, Relation
from nakaya.kinetics.models.conformal import normal_factor
from nakaya.kinetics.models.protocol import Predictor
from nakaya.kinetics.prediction.model import KineticsModel
from nakaya.kinetics.prediction.predicting import predict_sample
from nakaya.kinetics.prediction.report import Part
from nakaya.kinetics.samples.corpus import FACET_CONDITIONS
from nakaya.kinetics.samples.sample import Sample

__all__ = [
    "Ablation",
    "Explanation",
    "ablations",
    "check_picture",
    "draw_explanation",
    "explain_sample",
    "without_frame",
    "without_node",
]

TARGET = "growth_velocity"
MAX_CLUSTERS = 8
"""Clusters of a frame that are left out one by one: the largest ones."""


@dataclass(frozen=True)
class Ablation:
    """The prediction without one part of the evidence.

    Attributes:
        kind: "level", "cluster", "frame", "pooled evidence", "series" or "other runs".
        part: Which one, in words.
        value: Of the explained model without it, m/s.
        change: That less its value with everything, m/s.
        change_sigma: The same in standard deviations of the explained model, calibrated.
        predicted_change: Change of the model behind `nakaya predict`, m/s; None where that is the explained one, or
            where it has no answer without this part.
    """

    kind: str
    part: str
    value: float
    change: float
    change_sigma: float
    predicted_change: float | None


@dataclass(frozen=True)
class Explanation:
    """What mattered for one sample.

    Attributes:
        record: Its id.
        model: Name of the model that is explained.
        value: What it says with everything, m/s.
        interval90: Its calibrated interval, m/s.
        predicted: What `nakaya predict` says: {"model", "value", "unit", "interval90"}; no "model" and value None where
            it says nothing.
        scores: Root mean square errors of both models in the cross-validation that chose between them, m/s.
        evidence: "A" or "B", as `nakaya.kinetics.samples.sample.EVIDENCE` explains them.
        ablations: Largest change first.
        attention: {"frames": [{"time_ps", "share"}], "levels": {name: gate}, "clusters": [share], "atoms": number of
            them, "atoms_for_half": fewest that hold half of the share}; frames are empty where there is but one;
            None for a model without attention.
        notes: What a reader should know.
    """

    record: str
    model: str
    value: float
    interval90: tuple[float, float]
    predicted: dict[str, Any]
    scores: dict[str, float]
    evidence: str
    ablations: tuple[Ablation, ...]
    attention: dict[str, Any] | None
    notes: tuple[str, ...]

    @property
    def is_predicted(self) -> bool:
        """Whether the explained model is the one behind `nakaya predict`."""
        return bool(self.predicted.get("model") == self.model)

    def as_plain(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def explain_sample(sample: Sample, model: KineticsModel) -> Explanation:
    """Explain the prediction of the growth velocity for one sample.

    Raises:
        UnstatedError: The sample has no orientation.
        ParameterError: The model has no part for the growth velocity.
    """
    if sample.orientation is None:
        raise UnstatedError(
            "velocities of solid-liquid interfaces are explained, and none is stated: give an orientation",
            "orientation",
        )
    part = _explained_part(sample, model)
    told = predict_sample(sample, model)
    chosen = model.card.part(TARGET, sample.evidence)
    variants = list(ablations(sample, _observed(model.predictor(part), sample)))
    asked = [sample, *(variant for _, _, variant in variants)]
    answers = model.predictor(part).predict(asked)
    value = float(answers.mean[0])
    spread = float(part.calibrated(answers.standard_deviation)[0])
    other: list[float | None] = [None] * len(variants)
    if chosen is not None and chosen.model != part.model and chosen.evidence == sample.evidence:
        means = model.predictor(chosen).predict(asked).mean
        other = [float(mean - means[0]) if np.isfinite(mean - means[0]) else None for mean in means[1:]]
    found = [
        Ablation(kind, name, float(mean), float(mean - value), float((mean - value) / spread), change)
        for (kind, name, _), mean, change in zip(variants, answers.mean[1:], other, strict=True)
    ]
    names = {entry.model for entry in (part, chosen) if entry is not None}
    half = normal_factor() * spread
    return Explanation(
        record=sample.record_id,
        model=part.model,
        value=value,
        interval90=(value - half, value + half),
        predicted=dict(told[TARGET]),
        scores={name: score for name, score in part.scores.items() if name in names},
        evidence=sample.evidence,
        ablations=tuple(sorted(found, key=lambda entry: -abs(entry.change))),
        attention=None if part.files is None else _attention(model.predictor(part), sample),
        notes=(*_notes(sample, part), *(note for note in told["warnings"] if note.startswith("growth velocity"))),
    )


def _explained_part(sample: Sample, model: KineticsModel) -> Part:
    """The first network among the parts for this evidence; where there is none, the part that predicts."""
    parts = [part for part in model.card.parts if part.target == TARGET]
    same = [part for part in parts if part.evidence == sample.evidence] or [p for p in parts if p.evidence == "A"]
    if not same:
        raise ParameterError(f"the model {model.card.name} has no part for the growth velocity")
    return next((entry for entry in same if entry.files is not None), same[0])


def _notes(sample: Sample, part: Part) -> Iterator[str]:
    if sample.evidence == "A":
        yield (
            "conditions only: there are no atoms, clusters or frames to leave out; records of a run's first 10 ps have "
            "them"
        )
    elif part.files is None:
        yield f"{part.model} sees numbers only: levels, clusters and frames cannot matter to it"
    if part.evidence != sample.evidence:
        yield f"the model was trained on conditions only (evidence {part.evidence})"


def ablations(sample: Sample, observed: tuple[int, ...]) -> Iterator[tuple[str, str, Sample]]:
    """Yield (kind, part, the sample without it).

    Args:
        sample: With everything.
        observed: Numbers of the frames that the model looks at.
    """
    sequence = sample.sequence
    levels = [
        name for name in ("atom", "cluster", "facet", "process") if any(name in g.levels for g in sequence.frames)
    ]
    for name in levels:
        yield "level", f"{name}s", replace(sample, sequence=sequence.without_level(name))
    if sample.pooled:
        yield "pooled evidence", "means and changes of 10 ps", replace(sample, pooled={})
        if "early_velocity" in sample.pooled:
            rest = {name: value for name, value in sample.pooled.items() if name != "early_velocity"}
            yield "pooled evidence", "the early slope", replace(sample, pooled=rest)
    if sequence.evidence.names:
        silent = replace(sequence.evidence, values=np.full_like(sequence.evidence.values, np.nan))
        yield "series", "series of 10 ps", replace(sample, sequence=replace(sequence, evidence=silent))
    if any(np.isfinite(sample.conditions.get(name, np.nan)) for name in FACET_CONDITIONS):
        unknown = {name: np.nan for name in FACET_CONDITIONS if name in sample.conditions}
        bare = sequence.without_level("facet")
        sample_alone = replace(sample, conditions={**sample.conditions, **unknown}, sequence=bare)
        yield "other runs", "velocities of faces, as measured there", sample_alone
    for number in observed if len(sequence.frames) > 1 else ():
        yield "frame", f"frame at {sequence.times[number] * 1e12:g} ps", without_frame(sample, number)
    for number in observed:
        clusters = sequence.frames[number].levels.get("cluster")
        for node in range(min(clusters.num_nodes, MAX_CLUSTERS) if clusters is not None else 0):
            words = f"cluster {node + 1} at {sequence.times[number] * 1e12:g} ps"
            if clusters is not None and "log_size" in clusters.feature_names:
                words += f" ({np.exp(clusters.column('log_size')[node]):.0f} atoms)"
            graph = without_node(sequence.frames[number], "cluster", node)
            frames = (*sequence.frames[:number], graph, *sequence.frames[number + 1 :])
            links = _without_node(sequence.correspondences, number, node if "cluster" in graph.levels else None)
            smaller = replace(sequence, frames=frames, correspondences=links)
            yield "cluster", words, replace(sample, sequence=smaller)


def without_node(graph: MultiscaleGraph, name: str, node: int) -> MultiscaleGraph:
    """The graph without one node and its edges; without the level where that was its only node."""
    level = graph.levels[name]
    if level.num_nodes == 1:
        return graph.without_level(name)
    kept = np.delete(np.arange(level.num_nodes), node)
    smaller = Level(name, level.feature_names, level.features[kept])
    relations = [
        _without_ends(relation, [row for row, end in enumerate(pair) if end == name], node)
        for pair, relation in graph.relations.items()
        if name in pair
    ]
    return graph.with_level(smaller, relations)


def without_frame(sample: Sample, number: int) -> Sample:
    """The sample without one of its frames; correspondence through it becomes one past it."""
    sequence = sample.sequence
    frames = sequence.frames[:number] + sequence.frames[number + 1 :]
    links = list(sequence.correspondences)
    if 0 < number < len(sequence.frames) - 1:
        joined = {
            name: _product(first, links[number][name], sequence.frames[number].levels[name].num_nodes)
            for name, first in links[number - 1].items()
            if name in links[number]
        }
        links[number - 1 : number + 1] = [joined]
    elif links:
        del links[min(number, len(links) - 1)]
    times = np.delete(sequence.times, number)
    shorter = replace(sequence, frames=frames, correspondences=tuple(links), times=times)
    return replace(sample, sequence=shorter)


def _without_ends(relation: Relation, rows: list[int], node: int) -> Relation:
    index = relation.index.copy()
    kept = np.ones(index.shape[1], dtype=np.bool_)
    for row in rows:
        kept &= index[row] != node
        index[row] -= index[row] > node
    features = relation.features[kept] if relation.feature_names else relation.features[:0]
    return Relation(
        relation.source, relation.target, index[:, kept], relation.weight[kept], relation.feature_names, features
    )


def _without_node(correspondences: tuple[Any, ...], number: int, node: int | None) -> tuple[Any, ...]:
    """Carries without those of one cluster of a frame; None = without those of all of its clusters."""
    changed = list(correspondences)
    for place, row in ((number - 1, 1), (number, 0)):
        if 0 <= place < len(changed) and "cluster" in changed[place]:
            kept = {name: step for name, step in changed[place].items() if name != "cluster"}
            if node is not None:
                kept["cluster"] = _without_ends(changed[place]["cluster"], [row], node)
            changed[place] = kept
    return tuple(changed)


def _product(first: Relation, second: Relation, middle: int) -> Relation:
    size = int(first.index[0].max(initial=-1)) + 1, int(second.index[1].max(initial=-1)) + 1
    one = coo_array((first.weight, tuple(first.index)), shape=(size[0], middle)).tocsr()
    other = coo_array((second.weight, tuple(second.index)), shape=(middle, size[1])).tocsr()
    found = (one @ other).tocoo()
    return Relation(first.source, first.target, np.stack(found.coords), found.data.astype(np.float32))


def _observed(predictor: Predictor, sample: Sample) -> tuple[int, ...]:
    if not hasattr(predictor, "encoding"):  # tabular: no frame is looked at
        return ()
    from nakaya.kinetics.models.msgnn.attribution import observed_frames
    from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor

    return observed_frames(predictor, sample) if isinstance(predictor, MsgnnPredictor) else ()


def _attention(predictor: Predictor, sample: Sample) -> dict[str, Any]:
    from nakaya.kinetics.models.msgnn.attribution import attend
    from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor

    assert isinstance(predictor, MsgnnPredictor)
    found = attend(predictor, sample)
    times = [float(sample.sequence.times[number] * 1e12) for number in found.frames]
    shares = list(zip(times, found.frame_share, strict=True)) if len(times) > 1 else []
    atoms = np.sort(found.node_share.get("atom", np.zeros(0)))[::-1]
    return {
        "frames": [{"time_ps": time, "share": float(share)} for time, share in shares],
        "levels": dict(found.level_gate),
        "clusters": found.node_share.get("cluster", np.zeros(0)).tolist(),
        "atoms": len(atoms),
        "atoms_for_half": int(np.searchsorted(np.cumsum(atoms), 0.5)) + 1 if len(atoms) else None,
    }


def check_picture(out: Path, *, overwrite: bool = False) -> Literal["png", "svg"]:
    """Return the format, "png" or "svg", of a picture that may be written.

    Raises:
        OutputError: It exists.
        ParameterError: Another format.
    """
    from nakaya.viz.writing import check_format

    kind = check_format(out, {".png": "png", ".svg": "svg"})
    check_output(out, overwrite=overwrite)
    return "svg" if kind == "svg" else "png"


def draw_explanation(found: Explanation, out: Path, *, overwrite: bool = False, top: int = 15) -> None:
    """Write the picture of an explanation: a bar for every part that was left out.

    Args:
        found: What to draw.
        out: File *.png or *.svg.
        overwrite: Whether to replace it.
        top: Bars at most.

    Raises:
        OutputError: `out` exists, or cannot be written.
        ParameterError: Nothing was left out, or another format.
    """
    from nakaya.viz.charts.attribution import ablation_chart
    from nakaya.viz.charts.base import encode_figure
    from nakaya.viz.style import LIGHT

    kind = check_picture(out, overwrite=overwrite)
    bars = [
        (entry.part if entry.part.startswith(entry.kind) else f"{entry.kind}: {entry.part}", entry.change)
        for entry in found.ablations[:top]
    ]
    title = f"{found.record}\n{found.model}: {found.value:.3g} m/s"
    if not found.is_predicted and found.predicted["value"] is not None:
        title += f"; predicted: {found.predicted['value']:.3g} m/s, by {found.predicted['model']}"
    figure = ablation_chart(bars, LIGHT, title=title, model=found.model, unit="m/s")
    write_whole(out, encode_figure(figure, kind), overwrite=overwrite)
