"""The one building block: attention along weighted edges, used for every relation within and between levels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["EdgeAttention", "Embedding", "GatedReadout", "Modulation"]

BOUND = 5.0
"""Scores are kept within +-5: exp() needs no maximum taken off, which would jump when an edge leaves."""


def bounded(score: Tensor, bound: float = BOUND) -> Tensor:
    """The score, bent smoothly to stay within +-`bound`."""
    return bound * torch.tanh(score / bound)


class Embedding(nn.Module):
    """Columns to channels; without columns, the same learned channels for every row.

    Args:
        columns: Number of columns; may be 0.
        width: Channels.
    """

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))
        self.weight = nn.Parameter(torch.randn(width, columns) / math.sqrt(columns)) if columns else None

    def forward(self, values: Tensor) -> Tensor:
        """[row, column] to [row, width]."""
        if self.weight is None:
            return self.bias.expand(len(values), -1)
        return nn.functional.linear(values, self.weight, self.bias)


class Modulation(nn.Module):
    """Conditions scale and shift every channel: x (1 + gamma) + beta (FiLM; Perez et al. 2018). Starts as x.

    Args:
        conditions: Width of the conditions.
        width: Channels.
    """

    def __init__(self, conditions: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(conditions, 2 * width)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, values: Tensor, conditions: Tensor, owner: Tensor) -> Tensor:
        """Modulate values [node, width] by conditions [sample, .] of the sample that owns each node."""
        gamma, beta = self.project(conditions).index_select(0, owner).chunk(2, dim=-1)
        modulated: Tensor = values * (1 + gamma) + beta
        return modulated


class EdgeAttention(nn.Module):
    """Messages along edges, multiplied by the edges' weights, then an update of the target nodes.

    alpha_ij = w_ij exp(s_ij) / (1 + sum_k w_ik exp(s_ik)), m_i = sum_j alpha_ij (V x_j + e_ij). The 1 stands for an
    edge to nothing: an edge whose weight falls to zero leaves numerator and denominator alike, without a jump, even the
    last one. Scores s are a network of both ends and the edge (GATv2; Brody, Alon & Yahav 2022), products of queries
    and keys, or zero.

    Args:
        source_width: Channels of the source nodes.
        target_width: Channels of the target nodes; edges are embedded in twice as many, for keys and values.
        conditions: Width of the conditions.
        heads: Attention heads.
        kind: "gatv2", "dot-product" or "none".
        dropout: Fraction of channels of the update that are left out in training.
    """

    same_head: Tensor

    def __init__(
        self, source_width: int, target_width: int, conditions: int, *, heads: int, kind: str, dropout: float
    ) -> None:
        super().__init__()
        self.heads, self.kind = heads, kind
        per_head = target_width // heads
        self.source_norm, self.target_norm = nn.LayerNorm(source_width), nn.LayerNorm(target_width)
        self.key_value = nn.Linear(source_width, 2 * target_width)
        self.query = nn.Linear(target_width, target_width)
        self.score = nn.Parameter(torch.randn(target_width, 1) / math.sqrt(per_head))
        self.register_buffer("same_head", torch.eye(heads).repeat_interleave(per_head, dim=0), persistent=False)
        self.mix = nn.Linear(2 * target_width, target_width)
        self.modulation = Modulation(conditions, target_width)
        self.out = nn.Linear(target_width, target_width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        source: Tensor,
        target: Tensor,
        index: Tensor,
        weight: Tensor,
        edges: Tensor,
        embedding: Embedding,
        conditions: Tensor,
        owner: Tensor,
    ) -> Tensor:
        """Return the updated target nodes.

        Args:
            source: [source node, source width].
            target: [target node, target width].
            index: int64 [2, edge].
            weight: [edge], not negative.
            edges: Features of the edges, [edge, column].
            embedding: Of those, into 2 x target width.
            conditions: [sample, .].
            owner: Sample of every target node, int64 [target node].
        """
        normed_source, normed_target = self.source_norm(source), self.target_norm(target)
        message = self._messages(normed_source, normed_target, index, weight, edges, embedding)
        mixed = self.mix(torch.cat([normed_target, message], dim=-1))
        update = self.out(nn.functional.gelu(self.modulation(mixed, conditions, owner)))
        updated: Tensor = target + self.dropout(update)
        return updated

    def _messages(
        self, source: Tensor, target: Tensor, index: Tensor, weight: Tensor, edges: Tensor, embedding: Embedding
    ) -> Tensor:
        count, width = target.shape
        gathered = (self.key_value(source) + embedding.bias).index_select(0, index[0])
        if embedding.weight is not None:
            gathered = torch.addmm(gathered, edges, embedding.weight.T)
        key, value = gathered.split(width, dim=1)
        fraction = weight[:, None] * torch.exp(bounded(self._scores(target, key, index[1])))  # [edge, head]
        carried = (value.reshape(len(value), self.heads, width // self.heads) * fraction[:, :, None]).view(-1, width)
        message = torch.zeros(count, width).index_add(0, index[1], carried)
        norm = 1 + torch.zeros(count, self.heads).index_add(0, index[1], fraction)
        return (message.view(count, self.heads, width // self.heads) / norm[:, :, None]).view(count, width)

    def _scores(self, target: Tensor, key: Tensor, ends: Tensor) -> Tensor:
        if self.kind == "none":
            return torch.zeros(len(key), self.heads)
        query = self.query(target).index_select(0, ends)
        if self.kind == "gatv2":
            joint = nn.functional.leaky_relu(query + key, 0.2)
            return joint @ (self.score * self.same_head)
        scores: Tensor = (query * key) @ self.same_head / math.sqrt(query.shape[1] // self.heads)
        return scores


class GatedReadout(nn.Module):
    """One vector for all nodes of a level: a mean with learned weights, or a learned token where there are none.

    Args:
        width: Channels of the nodes.
        out: Channels of the vector.
    """

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 1)
        self.value = nn.Linear(width, out)
        self.token = nn.Parameter(torch.zeros(out))

    def forward(self, nodes: Tensor, owner: Tensor, node_weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Read out nodes [node, width].

        Args:
            nodes: The nodes; there may be none.
            owner: Sample of every node.
            node_weight: How much every node counts, not negative.
            count: Number of samples.

        Returns:
            (vectors [sample, out], share of every node in the vector of its sample [node]).
        """
        normed = self.norm(nodes)
        gate = node_weight * torch.exp(bounded(self.gate(normed)).squeeze(-1))
        total = torch.zeros(count).index_add(0, owner, gate)
        values = torch.tanh(self.value(normed)) * gate[:, None]
        summed = torch.zeros(count, values.shape[1]).index_add(0, owner, values)
        seen = (total > 0)[:, None]
        mean = summed / torch.where(total > 0, total, 1.0)[:, None]
        return torch.where(seen, mean, self.token), gate / total.clamp_min(1e-12).index_select(0, owner)
