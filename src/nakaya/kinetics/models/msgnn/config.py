"""Settings of the network: what a study may tune, and what else can be chosen. Reading them does not need torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.graphs.graph import RESOLUTIONS
from nakaya.kinetics.models.protocol import Settings
from nakaya.learn.search_space import Kind, Parameter

__all__ = ["ATTENTION", "DEFAULTS", "OPTIONS", "SEARCH_SPACE", "MsgnnConfig", "read_settings"]

ATTENTION: Final = ("none", "dot-product", "gatv2")
"""Kinds of attention, by number: plain means, products of queries and keys, or a small network of both (GATv2)."""


def _tuned(default: float, low: float, high: float, kind: Kind, labels: tuple[str, ...] = ()) -> Any:  # a field
    return field(default=default, metadata={"tuned": True, "range": (low, high, kind, labels)})


def _option(default: int, high: int, labels: tuple[str, ...] = (), *, low: int = 0) -> Any:  # a field
    return field(default=default, metadata={"tuned": False, "range": (low, high, "integer", labels)})


@dataclass(frozen=True)
class MsgnnConfig:
    """Settings, checked.

    Attributes:
        depth_atom: Blocks within the atomic level.
        depth_cluster: Blocks within the cluster level.
        depth_facet: Blocks within the facet and process levels.
        width_atom: Numbers that an atom carries; the other widths likewise.
        width_cluster: Of a cluster.
        width_facet: Of a facet, or of a window of the process.
        heads: Attention heads; divide the widths.
        attention: Kind of attention, number in `ATTENTION`.
        learning_rate: Peak.
        final_rate: Last learning rate over the peak.
        batch_size: Samples of one update.
        weight_decay: AdamW's.
        dropout: Of messages and of heads.
        dynamic_steps: Frames through which states are carried, spread over those that were observed.
        physics: 1: a residual on the law of `nakaya.kinetics.models.physics`; 0: pure learning.
        share_weights: 1: one set of weights of the block for all relations; widths must then be equal.
        cross_level: 0: no messages between levels.
        multi_scale: 0: the atomic level alone.
        graph: 0: no level at all.
        members: Of the ensemble.
        updates: Of every member.
        patch_atoms: Atoms of the random patches seen in training; predictions see all atoms.

    Raises:
        ParameterError: A value outside its range, or two that do not go together.
    """

    depth_atom: int = _tuned(1, 1, 4, "integer")
    depth_cluster: int = _tuned(1, 1, 4, "integer")
    depth_facet: int = _tuned(1, 1, 4, "integer")
    width_atom: int = _tuned(16, 8, 32, "power-of-two")
    width_cluster: int = _tuned(16, 8, 32, "power-of-two")
    width_facet: int = _tuned(16, 8, 32, "power-of-two")
    heads: int = _tuned(2, 1, 4, "power-of-two")
    attention: int = _tuned(2, 0, 2, "integer", ATTENTION)
    learning_rate: float = _tuned(5e-3, 1e-3, 2e-2, "log")
    final_rate: float = _tuned(0.05, 0.01, 0.5, "log")
    batch_size: int = _tuned(16, 8, 64, "power-of-two")
    weight_decay: float = _tuned(0.03, 1e-4, 0.3, "log")
    dropout: float = _tuned(0.1, 0.0, 0.4, "real")
    dynamic_steps: int = _tuned(2, 1, 4, "integer")
    physics: int = _option(1, 1, ("pure learning", "physics with a learned residual"))
    share_weights: int = _option(0, 1, ("per relation", "one block for all relations"))
    cross_level: int = _option(1, 1, ("no edges between levels", "edges between levels"))
    multi_scale: int = _option(1, 1, ("atoms only", "all levels"))
    graph: int = _option(1, 1, ("conditions and pooled numbers only", "levels of graphs"))
    members: int = _option(3, 20, low=1)
    updates: int = _option(100, 100_000, low=1)
    patch_atoms: int = _option(48, 100_000, low=20)

    def __post_init__(self) -> None:
        for parameter in (*SEARCH_SPACE, *OPTIONS):
            parameter.check(getattr(self, parameter.name))
        widths = {self.width_atom, self.width_cluster, self.width_facet}
        if self.share_weights and len(widths) > 1:
            raise ParameterError(f"share_weights=1 with widths {sorted(widths)}: one block needs one width")

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of graphs that are looked at."""
        if not self.graph:
            return ()
        return tuple(RESOLUTIONS) if self.multi_scale else ("atom",)

    @property
    def attention_kind(self) -> str:
        """Name of the kind of attention."""
        return ATTENTION[self.attention]

    def width(self, level: str) -> int:
        """Numbers that a node of a level carries."""
        return {"atom": self.width_atom, "cluster": self.width_cluster}.get(level, self.width_facet)

    def depth(self, level: str) -> int:
        """Blocks within a level."""
        return {"atom": self.depth_atom, "cluster": self.depth_cluster}.get(level, self.depth_facet)


def _parameters(*, tuned: bool) -> tuple[Parameter, ...]:
    found = [entry for entry in fields(MsgnnConfig) if entry.metadata["tuned"] == tuned]
    return tuple(Parameter(entry.name, *entry.metadata["range"]) for entry in found)


SEARCH_SPACE: Final = _parameters(tuned=True)
"""Depth and width per level (the process level goes with the facets), and how the network is trained."""

OPTIONS: Final = _parameters(tuned=False)
"""What is chosen and not tuned."""

DEFAULTS: Final[Settings] = {
    parameter.name: float(getattr(MsgnnConfig(), parameter.name)) for parameter in SEARCH_SPACE
}
"""Where a study starts, and what is used without one."""


def read_settings(settings: Settings, *, fixed: Mapping[str, float] | None = None) -> MsgnnConfig:
    """Return the configuration that settings stand for; what they leave out keeps its default.

    Args:
        settings: Parameter -> value, of the search space or the options.
        fixed: What a variant of the model settles; wins.

    Raises:
        UnknownNameError: A name that there is none of.
        ParameterError: As in `MsgnnConfig`.
    """
    known = {entry.name: entry.type for entry in fields(MsgnnConfig)}
    values: dict[str, float] = {**settings, **(fixed or {})}
    for name in values:
        if name not in known:
            raise UnknownNameError("setting of msgnn", name, known)
    read = {
        name: int(value) if known[name] == "int" and float(value).is_integer() else float(value)
        for name, value in values.items()
    }
    return MsgnnConfig(**read)  # type: ignore[arg-type]  # whole numbers are int, by the line above
