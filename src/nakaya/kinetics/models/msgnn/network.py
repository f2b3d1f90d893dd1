"""The network: levels of nodes exchange messages, states go on from frame to frame, and a head reads them out.

G(t+1) = f(G(t), T): at every observed frame the nodes of each level take up what they were before (a gated recurrent
unit along the `correspondences`, with the real time step), exchange messages within their level and with the next
ones, upwards and back down, and are read out into the state of the whole. Without observations the same recurrent step
goes on with the tokens of missing levels and the network's own forecast of the solid fraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from nakaya.kinetics.graphs.graph import RelationName
from nakaya.kinetics.models.msgnn.attention import EdgeAttention, Embedding, GatedReadout
from nakaya.kinetics.models.msgnn.batching import Batch, EdgeBlock, LevelBlock, Moment
from nakaya.kinetics.models.msgnn.config import MsgnnConfig
from nakaya.kinetics.models.msgnn.encoding import Encoding
from nakaya.kinetics.models.msgnn.laws import NUM_RAW, Law

__all__ = ["Member", "MsgnnNetwork", "Output"]

CONDITION_WIDTH = 24
STATE_WIDTH = 24
READOUT_WIDTH = 12
INITIAL_LINE_WEIGHT = 4.0
"""A forecast starts with sigmoid(4) = 98 % of the straight line through what was seen."""

CORRECTION = 0.05
"""Unit of corrections where there is such a line, in typical slopes: with few runs larger ones are mostly noise."""

MEMORY_PS = 10.0
"""What a node remembers fades with this time at first; the network learns its own."""


@dataclass(frozen=True, eq=False)
class Output:
    """What a network says of a batch.

    Attributes:
        raw: Numbers that a law turns into mean and spread, float32 [sample, 5].
        states: After every moment, float32 [sample, channel].
        conditions: Embedded, of the last moment, float32 [sample, channel].
        frame_share: Weight of every moment in the readout, float32 [sample, moment]; 0 where there was none.
        level_gate: Level -> how far it was let through at the last moment, float32 [sample], in (0, 1).
        node_share: Level -> share of every node of the last moment in its readout, float32 [node].
    """

    raw: Tensor
    states: tuple[Tensor, ...]
    conditions: Tensor
    frame_share: Tensor
    level_gate: Mapping[str, Tensor]
    node_share: Mapping[str, Tensor]


class MsgnnNetwork(nn.Module):
    """Multi-scale graph network.

    Args:
        config: Settings.
        encoding: Which levels, relations and columns there are.
    """

    def __init__(self, config: MsgnnConfig, encoding: Encoding) -> None:
        super().__init__()
        self.levels = tuple(encoding.levels)
        pairs = [pair for pair in encoding.relations if pair[0] == pair[1] or config.cross_level]
        self.within = tuple(pair for pair in pairs if pair[0] == pair[1])
        self.between = tuple(pair for pair in pairs if pair[0] != pair[1])
        self.conditions = nn.Sequential(
            Embedding(encoding.globals.width, CONDITION_WIDTH),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(CONDITION_WIDTH, CONDITION_WIDTH),
        )
        width = {name: config.width(name) for name in self.levels}
        self.embed = nn.ModuleDict({name: Embedding(encoding.levels[name].width, width[name]) for name in self.levels})
        self.go_on = nn.ModuleDict({name: nn.GRUCell(width[name], width[name]) for name in self.levels})
        self.memory = nn.ParameterDict({name: nn.Parameter(torch.zeros(width[name])) for name in self.levels})
        self.edge_embed = nn.ModuleDict()
        self.blocks = nn.ModuleDict()
        for source, target in self._directed():
            finer, coarser = sorted((source, target), key=self.levels.index)
            columns = encoding.relations[finer, coarser].width
            self.edge_embed[f"{source}-{target}"] = Embedding(columns, 2 * width[target])
            depth = config.depth(source) if source == target else 1
            self.blocks[f"{source}-{target}"] = nn.ModuleList(
                self._block(config, width[source], width[target]) for _ in range(depth)
            )
        if config.share_weights:
            self._share()
        self.readout = nn.ModuleDict({name: GatedReadout(width[name], READOUT_WIDTH) for name in self.levels})
        self.level_gate = nn.ModuleDict({name: nn.Linear(READOUT_WIDTH + CONDITION_WIDTH, 1) for name in self.levels})
        self.series = Embedding(encoding.series.width, READOUT_WIDTH)
        self.step = nn.GRUCell(READOUT_WIDTH * (len(self.levels) + 1) + 3, STATE_WIDTH)
        self.frame_score = nn.Linear(STATE_WIDTH, 1, bias=False)
        self.pooled = Embedding(encoding.pooled.width, READOUT_WIDTH)
        self.no_pooled = nn.Parameter(torch.zeros(READOUT_WIDTH))
        self.head = nn.Sequential(
            nn.Linear(STATE_WIDTH + CONDITION_WIDTH + READOUT_WIDTH, STATE_WIDTH),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(STATE_WIDTH, NUM_RAW),
        )
        self.rate = nn.Linear(STATE_WIDTH + CONDITION_WIDTH, 3)
        self.slope = max(encoding.slope, 1e-6)
        last = cast(nn.Linear, self.head[-1])
        with torch.no_grad():  # start close to the law
            last.weight.mul_(0.3)
            last.bias.zero_()
            self.rate.weight.zero_()  # forecasts start as straight lines
            self.rate.bias.copy_(torch.tensor([0.0, 0.0, INITIAL_LINE_WEIGHT]))

    def _directed(self) -> tuple[RelationName, ...]:
        return (*self.within, *self.between, *((target, source) for source, target in self.between))

    def _block(self, config: MsgnnConfig, source: int, target: int) -> EdgeAttention:
        return EdgeAttention(
            source, target, CONDITION_WIDTH, heads=config.heads, kind=config.attention_kind, dropout=config.dropout
        )

    def _share(self) -> None:
        # The n-th blocks of all relations are one and the same.
        first: list[nn.Module] = []
        for name in self.blocks:
            found = cast(nn.ModuleList, self.blocks[name])
            for number in range(len(found)):
                if number < len(first):
                    found[number] = first[number]
                else:
                    first.append(found[number])

    def forward(self, batch: Batch) -> Output:
        """Observe the frames of a batch, one after another, and read the states out."""
        state = torch.zeros(batch.size, STATE_WIDTH)
        nodes: dict[str, Tensor] = {}
        states, scores, present = [], [], []
        fraction = torch.full((batch.size,), torch.nan)
        for moment in batch.moments:
            conditions = self.conditions(moment.globals)
            nodes = self._exchange(moment, nodes, conditions)
            vectors, gates, shares = self._read_out(moment, nodes, conditions, batch.size)
            change = torch.nan_to_num((moment.solid_fraction - fraction) / self.slope).clamp(-20, 20)
            stepped = self._advance(state, vectors, self.series(moment.series), change, moment.step_ps, 1.0)
            seen = moment.present[:, None]
            state = seen * stepped + (1 - seen) * state
            fraction = torch.where(moment.present > 0, moment.solid_fraction, fraction)
            states.append(state)
            scores.append(self.frame_score(state).squeeze(-1))
            present.append(moment.present)
        fraction = torch.softmax(
            torch.stack(scores, dim=1).masked_fill(torch.stack(present, dim=1) == 0, -torch.inf), dim=1
        )
        summary = (torch.stack(states, dim=1) * fraction[:, :, None]).sum(dim=1)
        seen = batch.has_pooled[:, None]
        pooled = seen * self.pooled(batch.pooled) + (1 - seen) * self.no_pooled
        raw = self.head(torch.cat([summary, conditions, torch.tanh(pooled)], dim=-1))
        return Output(raw, tuple(states), conditions, fraction, gates, shares)

    def forecast(self, state: Tensor, conditions: Tensor, line: Tensor, step_ps: Tensor, *, steps: int = 1) -> Tensor:
        """Go on without observations; return the change of the solid fraction after every step.

        A share of the straight line through what was seen, and a correction; both come from the state.

        Args:
            state: Where the whole is now, [sample, channel].
            conditions: Embedded, [sample, channel].
            line: Of the moment that was seen last, [sample, 2].
            step_ps: Length of one step, [sample].
            steps: How many.

        Returns:
            [sample, step], less the solid fraction that was seen last.
        """
        change = torch.zeros(len(state))
        unit = self.slope * torch.where((line != 0).any(dim=1), CORRECTION, 1.0)
        found = []
        for number in range(steps):
            offset, rate, line_weight = self.rate(torch.cat([state, conditions], dim=-1)).unbind(dim=-1)
            before, fraction = change, torch.sigmoid(line_weight)
            change = before + (fraction * line[:, 1] + unit * rate) * step_ps
            if number == 0:  # what was seen last is noisy: line and offset take the noise back
                change = change + fraction * line[:, 0] + unit * offset
            found.append(change)
            if number + 1 < steps:
                tokens = [cast(GatedReadout, self.readout[name]).token.expand(len(state), -1) for name in self.levels]
                moved = ((change - before) / self.slope).clamp(-20, 20)
                nothing = torch.zeros(len(state), READOUT_WIDTH)
                gated = [
                    self._gate(name, token, conditions)[0] for name, token in zip(self.levels, tokens, strict=True)
                ]
                state = self._advance(state, gated, nothing, moved, step_ps, 0.0)
        return torch.stack(found, dim=1)

    def _advance(
        self, state: Tensor, vectors: list[Tensor], series: Tensor, change: Tensor, step_ps: Tensor, observed: float
    ) -> Tensor:
        time = torch.stack([change, torch.log1p(step_ps), torch.full_like(step_ps, observed)], dim=1)
        return cast(Tensor, self.step(torch.cat([*vectors, series, time], dim=-1), state))

    def _exchange(self, moment: Moment, before: Mapping[str, Tensor], conditions: Tensor) -> dict[str, Tensor]:
        """Nodes of a moment after messages: up through the levels, and back down."""
        nodes = {name: self._take_up(moment, name, level, before) for name, level in moment.levels.items()}
        # A block updates its nodes with or without messages: what a batch holds besides must not matter.
        for target in moment.levels:
            for source, coarser in self.between:
                if coarser == target:
                    nodes[target] = self._pass(moment, nodes, source, target, conditions, 0)
            if (target, target) in self.within:
                for number in range(len(cast(nn.ModuleList, self.blocks[f"{target}-{target}"]))):
                    nodes[target] = self._pass(moment, nodes, target, target, conditions, number)
        for target, source in reversed(self.between):
            if target in nodes:
                nodes[target] = self._pass(moment, nodes, source, target, conditions, 0)
        return nodes

    def _take_up(self, moment: Moment, name: str, level: LevelBlock, before: Mapping[str, Tensor]) -> Tensor:
        fresh = self.embed[name](level.features)
        carried = torch.zeros_like(fresh)
        step = moment.correspondences.get(name)
        if step is not None and name in before:
            gathered = before[name].index_select(0, step.index[0]) * step.weight[:, None]
            carried = carried.index_add(0, step.index[1], gathered)
            elapsed = moment.step_ps.index_select(0, level.owner)[:, None] / MEMORY_PS
            carried = carried * torch.exp(-elapsed * nn.functional.softplus(self.memory[name] + 0.5413))
        return cast(Tensor, self.go_on[name](fresh, carried))

    def _pass(
        self,
        moment: Moment,
        nodes: Mapping[str, Tensor],
        source: str,
        target: str,
        conditions: Tensor,
        number: int,
    ) -> Tensor:
        name = f"{source}-{target}"
        block = cast(EdgeAttention, cast(nn.ModuleList, self.blocks[name])[number])
        embedding = cast(Embedding, self.edge_embed[name])
        upward = (source, target) in (*self.within, *self.between)
        edges = moment.edges.get((source, target) if upward else (target, source)) or _no_edges(embedding)
        index = edges.index if upward else edges.index.flip(0)
        ends = nodes[source] if source in nodes else torch.zeros(0, block.source_norm.normalized_shape[0])
        updated: Tensor = block(
            ends, nodes[target], index, edges.weight, edges.features, embedding, conditions,
            moment.levels[target].owner,
        )  # fmt: skip
        return updated

    def _read_out(
        self, moment: Moment, nodes: Mapping[str, Tensor], conditions: Tensor, count: int
    ) -> tuple[list[Tensor], dict[str, Tensor], dict[str, Tensor]]:
        vectors, gates, shares = [], {}, {}
        for name in self.levels:
            readout = cast(GatedReadout, self.readout[name])
            if name in nodes:
                level = moment.levels[name]
                vector, shares[name] = readout(nodes[name], level.owner, level.node_weight, count)
            else:
                vector = readout.token.expand(count, -1)
            gated, gates[name] = self._gate(name, vector, conditions)
            vectors.append(gated)
        return vectors, gates, shares

    def _gate(self, name: str, vector: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        gate = torch.sigmoid(self.level_gate[name](torch.cat([vector, conditions], dim=-1)))
        return vector * gate, gate.squeeze(-1)


class Member(nn.Module):
    """A network and the law that its numbers go into.

    Args:
        network: Initialised.
        law: Settled.
    """

    def __init__(self, network: MsgnnNetwork, law: Law) -> None:
        super().__init__()
        self.network, self.law = network, law

    def forward(self, batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor, Output]:
        """Return (mean, standard deviation, all that the network says)."""
        output = self.network(batch)
        mean, spread = self.law(output.raw, rows, batch.has_pooled)
        return mean, spread, output


def _no_edges(embedding: Embedding) -> EdgeBlock:
    columns = 0 if embedding.weight is None else embedding.weight.shape[1]
    return EdgeBlock(torch.zeros((2, 0), dtype=torch.int64), torch.zeros(0), torch.zeros(0, columns))
