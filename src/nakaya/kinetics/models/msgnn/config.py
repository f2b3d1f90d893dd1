"""Settings of the network: what a study may tune, and what else can be chosen. Reading them does not need torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.graphs.graph import RESOLUTIONS
from nakaya.kinetics.models.protocol import Settings
from nakaya.learn.search_space import Parameter

__all__ = ["ATTENTION", "DEFAULTS", "OPTIONS", "SEARCH_SPACE", "MsgnnConfig", "read_settings"]

ATTENTION: Final = ("none", "dot-product", "gatv2")
"""Kinds of attention, by number: plain means, products of queries and keys, or a small network of both (GATv2)."""

SEARCH_SPACE: Final = (
    Parameter("depth_atom", 1, 4, "integer"),
    Parameter("depth_cluster", 1, 4, "integer"),
    Parameter("depth_facet", 1, 4, "integer"),
    Parameter("width_atom", 8, 32, "power-of-two"),
    Parameter("width_cluster", 8, 32, "power-of-two"),
    Parameter("width_facet", 8, 32, "power-of-two"),
    Parameter("heads", 1, 4, "power-of-two"),
    Parameter("attention", 0, 2, "integer", ATTENTION),
    Parameter("learning_rate", 1e-3, 2e-2, "log"),
    Parameter("final_rate", 0.01, 0.5, "log"),
    Parameter("batch_size", 8, 64, "power-of-two"),
    Parameter("weight_decay", 1e-4, 0.3, "log"),
    Parameter("dropout", 0.0, 0.4, "real"),
    Parameter("dynamic_steps", 1, 4, "integer"),
)
"""Depth and width per level (the process level goes with the facets), and how the network is trained."""

OPTIONS: Final = (
    Parameter("physics", 0, 1, "integer", ("pure learning", "physics with a learned residual")),
    Parameter("share_weights", 0, 1, "integer", ("per relation", "one block for all relations")),
    Parameter("cross_level", 0, 1, "integer", ("no edges between levels", "edges between levels")),
    Parameter("multi_scale", 0, 1, "integer", ("atoms only", "all levels")),
    Parameter("graph", 0, 1, "integer", ("conditions and pooled numbers only", "levels of graphs")),
    Parameter("members", 1, 20, "integer"),
    Parameter("updates", 1, 100_000, "integer"),
    Parameter("patch_atoms", 20, 100_000, "integer"),
)
"""What is chosen and not tuned."""


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

    depth_atom: int = 1
    depth_cluster: int = 1
    depth_facet: int = 1
    width_atom: int = 16
    width_cluster: int = 16
    width_facet: int = 16
    heads: int = 2
    attention: int = 2
    learning_rate: float = 5e-3
    final_rate: float = 0.05
    batch_size: int = 16
    weight_decay: float = 0.03
    dropout: float = 0.1
    dynamic_steps: int = 2
    physics: int = 1
    share_weights: int = 0
    cross_level: int = 1
    multi_scale: int = 1
    graph: int = 1
    members: int = 3
    updates: int = 100
    patch_atoms: int = 48

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
    whole = {field.name for field in fields(MsgnnConfig) if field.type == "int"}
    known = {field.name for field in fields(MsgnnConfig)}
    values: dict[str, float] = {**settings, **(fixed or {})}
    for name in values:
        if name not in known:
            raise UnknownNameError("setting of msgnn", name, known)
    read = {
        name: int(value) if name in whole and float(value).is_integer() else float(value)
        for name, value in values.items()
    }
    return MsgnnConfig(**read)  # type: ignore[arg-type]  # whole numbers are int, by the line above
