"""What must hold for the network whatever its weights are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from nakaya.kinetics.graphs.graph import Level, Relation
from nakaya.kinetics.models.msgnn.attention import GatedReadout
from nakaya.kinetics.models.msgnn.augmentation import Augmentation, PatchPool, draw, observe
from nakaya.kinetics.models.msgnn.batching import collate
from nakaya.kinetics.models.msgnn.config import MsgnnConfig
from nakaya.kinetics.models.msgnn.encoding import Edges, EncodedFrame, EncodedSample, Encoding, fit_encoding
from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor, new_member
from nakaya.kinetics.models.msgnn.network import Member
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.trajectories.frames import Frame

ROUNDING = 3e-5
"""float32 features and sums over thousands of edges, on numbers of size 1."""

CLEAR = 10 * ROUNDING
"""What must differ differs by much more than rounding."""

LOUDER = 5.0
"""Messages of one relation are made this many times as strong where it shall be seen whether they are looked at."""

KINDS = (0, 1, 2)


def raw(member: Member, encoding: Encoding, samples: Sequence[Sample], *, steps: int = 3) -> np.ndarray:
    """The raw numbers of a network, float [sample, 4], amplified so that they are of size 1."""
    with torch.no_grad():
        batch = collate([observe(encoding.encode(sample), steps) for sample in samples], encoding)
        return np.asarray(10 * member.network(batch).raw)


def make(samples: Sequence[Sample], seed: int = 0, **settings: float) -> tuple[Member, Encoding]:
    torch.manual_seed(seed)
    config = MsgnnConfig(**{"dynamic_steps": 3, **settings})  # type: ignore[arg-type]
    encoding = fit_encoding(
        samples, levels=("atom", "cluster", "facet", "process") if config.multi_scale else ("atom",)
    )
    member = new_member(config, encoding, "growth_velocity").eval()
    with torch.no_grad():  # modulation starts as the identity: conditions would not matter yet
        for module in member.modules():
            if type(module).__name__ == "Modulation":
                module.project.weight.normal_(0, 0.3)  # type: ignore[union-attr,operator]
    return member, encoding


def amplify(member: Member, pair: tuple[str, str]) -> None:
    """Make the messages of one relation louder, up and down: between few and alike nodes they start faint."""
    with torch.no_grad():
        for name in {f"{pair[0]}-{pair[1]}", f"{pair[1]}-{pair[0]}"}:
            for block in member.network.blocks[name]:  # type: ignore[union-attr]
                received = block.mix.weight[:, block.mix.weight.shape[1] // 2 :]
                received *= LOUDER
                block.out.weight *= LOUDER


def rotation(seed: int) -> np.ndarray:
    orthogonal, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return orthogonal * np.sign(np.linalg.det(orthogonal))


MOVES: dict[str, Callable[[Frame], Frame]] = {
    "rotation": lambda f: replace(
        f, positions=f.positions @ rotation(1).T, cell=f.cell @ rotation(1).T, velocities=f.velocities @ rotation(1).T
    ),
    "reflection": lambda f: replace(
        f, positions=f.positions * [1, 1, -1], cell=f.cell * [1, 1, -1], velocities=f.velocities * [1, 1, -1]
    ),
    "translation": lambda f: replace(f, positions=f.positions + np.array([1.3, -7.7, 20.1])),
    "images": lambda f: replace(
        f, positions=f.positions + np.random.default_rng(2).integers(-2, 3, f.positions.shape) @ f.cell
    ),
    "permutation": lambda f: _permuted(f, np.random.default_rng(3).permutation(len(f.positions))),
}


def _permuted(frame: Frame, order: np.ndarray) -> Frame:
    extra = {name: values[order] for name, values in frame.extra.items()}
    return replace(
        frame, positions=frame.positions[order], velocities=frame.velocities[order], species=frame.species[order],
        extra=extra,
    )  # fmt: skip


@pytest.mark.parametrize("move", MOVES)
def test_a_moved_frame_is_the_same_frame(
    move: str, samples: list[Sample], sample_maker: Callable[..., Sample], frame_maker: Callable[..., Frame]
) -> None:
    member, encoding = make(samples)
    frames = [frame_maker(50 + number, time_ps=time) for number, time in enumerate((0.0, 5.0, 10.0))]
    still = sample_maker(3, frames=frames)
    moved = sample_maker(3, frames=[MOVES[move](frame) for frame in frames])
    one, other = (raw(member, encoding, [sample]) for sample in (still, moved))
    np.testing.assert_allclose(other, one, atol=ROUNDING)
    assert np.abs(one - raw(member, encoding, [sample_maker(4)])).max() > CLEAR


def test_the_atomic_level_is_continuous_where_atoms_cross_the_cutoffs(
    samples: list[Sample], sample_maker: Callable[..., Sample], frame_maker: Callable[..., Frame]
) -> None:
    member, encoding = make(samples, multi_scale=0)
    frame = frame_maker(7)
    frame = replace(frame, extra={**frame.extra, "solid": np.zeros(len(frame.positions))})

    def along(steps: int) -> float:
        """Largest change of the output in one of `steps` steps of an atom through the cutoffs of its neighbours."""
        found = []
        for share in np.linspace(0, 1, steps + 1):
            positions = frame.positions.copy()
            positions[100] += share * np.array([0.5, 0.5, 0.4])
            found.append(sample_maker(3, frames=[replace(frame, positions=positions)]))
        values = raw(member, encoding, found)
        return float(np.abs(np.diff(values, axis=0)).max())

    # A jump would stay as large however small the steps are.
    assert along(64) < 0.45 * along(16)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pair", [("atom", "atom"), ("atom", "cluster"), ("facet", "facet")])
def test_an_edge_fades_with_its_weight(kind: int, pair: tuple[str, str], samples: list[Sample]) -> None:
    member, encoding = make(samples, attention=kind)
    rng = np.random.default_rng(0)
    graph = samples[2].sequence.frames[-1]
    relation = graph.relations[pair]
    ends = [rng.integers(graph.levels[level].num_nodes, size=2000) for level in pair]
    features = np.repeat(relation.features[:1], 2000, axis=0)

    def with_more(weight: float) -> Sample:
        """The sample with 2,000 more edges at random."""
        more = replace(
            relation, index=np.concatenate([relation.index, np.stack(ends)], axis=1),
            weight=np.concatenate([relation.weight, np.full(2000, weight, np.float32)]),
            features=np.concatenate([relation.features, features]),
        )  # fmt: skip
        changed = replace(graph, relations={**graph.relations, pair: more})
        sequence = replace(samples[2].sequence, frames=(changed,), correspondences=(), times=np.zeros(1))
        return replace(samples[2], sequence=sequence)

    gone, faint, full = (raw(member, encoding, [with_more(weight)]) for weight in (0.0, 1e-7, 1.0))
    np.testing.assert_allclose(faint, gone, atol=ROUNDING)
    assert np.abs(full - gone).max() > ROUNDING


def test_fcc_differs_from_hcp(samples: list[Sample], sample_maker: Callable[..., Sample]) -> None:
    def stacking(layers: str) -> Frame:
        a = 2.6
        plane = np.array([[i * a + j * a / 2, j * a * np.sqrt(3) / 2, 0.0] for i in range(4) for j in range(4)])
        offset = {"A": 0.0, "B": 1.0, "C": 2.0}
        shift = np.array([a / 2, a / (2 * np.sqrt(3)), 0.0])
        height = a * np.sqrt(2 / 3)
        positions = np.concatenate(
            [plane + offset[kind] * shift + [0, 0, number * height] for number, kind in enumerate(layers)]
        )
        cell = np.array(
            [[4 * a, 0, 0], [4 * a / 2, 4 * a * np.sqrt(3) / 2, 0], [0, 0, len(layers) * height]], dtype=np.float64
        )
        return Frame(0, 0.0, positions, cell, np.full(len(positions), "Cu"), None, {})

    member, encoding = make(samples, multi_scale=0)
    fcc, hcp = (sample_maker(3, frames=[stacking(layers)]) for layers in ("ABCABC", "ABABAB"))
    assert np.abs(raw(member, encoding, [fcc]) - raw(member, encoding, [hcp])).max() > CLEAR


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pair", [("atom", "atom"), ("atom", "cluster"), ("facet", "facet")])
def test_shuffled_edges_change_the_output(kind: int, pair: tuple[str, str], samples: list[Sample]) -> None:
    member, encoding = make(samples, attention=kind)
    amplify(member, pair)
    sample = samples[2]
    graph = sample.sequence.frames[-1]
    relation = graph.relations[pair]
    rng = np.random.default_rng(0)

    def said(edges: Relation) -> np.ndarray:
        changed = replace(graph, relations={**graph.relations, pair: edges})
        alone = replace(sample.sequence, frames=(changed,), correspondences=(), times=np.zeros(1))
        return raw(member, encoding, [replace(sample, sequence=alone)])

    still = said(relation)
    index = np.stack([rng.permutation(relation.index[0]), relation.index[1]])
    if pair[0] != pair[1]:  # other atoms speak to the cluster
        index[0] = rng.permutation(graph.levels["atom"].num_nodes)[: index.shape[1]]
    assert np.abs(said(replace(relation, index=index)) - still).max() > CLEAR
    # The same edges in another order are the same edges, however loud they are.
    order = rng.permutation(relation.num_edges)
    listed = replace(
        relation, index=relation.index[:, order], weight=relation.weight[order], features=relation.features[order]
    )
    np.testing.assert_allclose(said(listed), still, atol=ROUNDING)


def test_gradients_reach_every_level_every_edge_and_every_weight(samples: list[Sample]) -> None:
    member, encoding = make(samples)
    batch = collate([observe(encoding.encode(sample), 3) for sample in samples], encoding)
    inputs = [level.features.requires_grad_() for level in batch.moments[-1].levels.values()]
    weights = {pair: edges.weight.requires_grad_() for pair, edges in batch.moments[-1].edges.items()}
    first = [level.features.requires_grad_() for level in batch.moments[0].levels.values()]
    mean, spread, output = member(batch, member.law.rows(samples))
    forecast = member.network.forecast(
        output.states[-1], output.conditions, batch.moments[-1].line, torch.ones(len(samples)), steps=2
    )
    (mean.sum() + spread.sum() + forecast.sum()).backward()
    assert {("atom", "atom"), ("atom", "cluster"), ("cluster", "facet"), ("facet", "facet")} <= set(weights)
    for name, tensor in [*weights.items(), *enumerate(inputs), *enumerate(first)]:
        assert tensor.grad is not None, name
        assert float(tensor.grad.abs().max()) > 0, name
    for name, parameter in member.named_parameters():
        if "no_pooled" in name or "token" in name:  # only where something is missing
            continue
        assert parameter.grad is not None, name
        assert bool((parameter.grad != 0).any()), name


def test_every_combination_of_missing_levels_is_answered_and_each_level_counts(
    samples: list[Sample], drop_levels: Callable[..., Sample], sample_maker: Callable[..., Sample]
) -> None:
    names = ("atom", "cluster", "facet", "process")
    whole = [_with_process(sample) for sample in samples[:3]]
    member, encoding = make(whole)
    assert tuple(encoding.levels) == names
    answers = {}
    for count in range(len(names) + 1):
        for missing in combinations(names, count):
            answers[missing] = raw(member, encoding, [drop_levels(sample, *missing) for sample in whole])
            assert np.isfinite(answers[missing]).all()
    for one, other in combinations(answers, 2):
        assert np.abs(answers[one] - answers[other]).max() > ROUNDING, (one, other)
    conditions_only = sample_maker(1, evidence="A")
    assert np.isfinite(raw(member, encoding, [conditions_only])).all()


def _with_process(sample: Sample) -> Sample:
    rng = np.random.default_rng(sample.seed)
    windows = Level("process", ("temperature",), rng.normal(size=(3, 1)).astype(np.float32))
    follow = Relation("process", "process", np.array([[0, 1, 1, 2], [1, 0, 2, 1]]), np.ones(4, np.float32))
    graphs = []
    for graph in sample.sequence.frames:
        facets = graph.levels["facet"].num_nodes
        index = np.stack([np.repeat(np.arange(facets), 3), np.tile(np.arange(3), facets)])
        up = Relation("facet", "process", index, np.full(index.shape[1], 1 / 3, np.float32))
        graphs.append(graph.with_level(windows, [follow, up]))
    return replace(sample, sequence=replace(sample.sequence, frames=tuple(graphs)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_single_samples_give(
    kind: int, samples: list[Sample], drop_levels: Callable[..., Sample], sample_maker: Callable[..., Sample]
) -> None:
    member, encoding = make(samples, attention=kind)
    mixed = [
        samples[0],
        drop_levels(samples[1], "atom"),
        sample_maker(11, times=(0.0,)),
        sample_maker(12, evidence="A"),
        drop_levels(samples[4], "cluster", "facet"),
    ]
    together = raw(member, encoding, mixed)
    single = np.concatenate([raw(member, encoding, [sample]) for sample in mixed])
    np.testing.assert_allclose(together, single, atol=ROUNDING)


def test_time_steps_and_order_of_frames_matter(samples: list[Sample]) -> None:
    member, encoding = make(samples)
    sample = samples[2]
    slower = replace(sample, sequence=replace(sample.sequence, times=sample.sequence.times * 3))
    nowhere = replace(sample, sequence=replace(sample.sequence, correspondences=({}, {})))
    still = raw(member, encoding, [sample])
    assert np.abs(raw(member, encoding, [slower]) - still).max() > ROUNDING
    assert np.abs(raw(member, encoding, [nowhere]) - still).max() > ROUNDING


def test_conditions_modulate_every_layer(samples: list[Sample]) -> None:
    member, encoding = make(samples)
    batch = collate([observe(encoding.encode(samples[0]), 3)], encoding)
    member.network(batch).raw.sum().backward()
    modulations = [(name, module) for name, module in member.named_modules() if type(module).__name__ == "Modulation"]
    assert len(modulations) == len([name for name, _ in member.named_modules() if name.endswith(".mix")])
    for name, module in modulations:
        assert float(module.project.weight.grad.abs().max()) > 0, name  # type: ignore[union-attr]


def test_variants_differ_as_their_names_say(samples: list[Sample], drop_levels: Callable[..., Sample]) -> None:
    single, encoding = make(samples, multi_scale=0)
    coarse = drop_levels(samples[0], "cluster", "facet")
    np.testing.assert_allclose(raw(single, encoding, [samples[0]]), raw(single, encoding, [coarse]), atol=ROUNDING)
    apart, encoding = make(samples, cross_level=0)
    assert all(pair[0] == pair[1] for pair in (*apart.network.within, *apart.network.between))
    assert len(apart.network.within) == 2
    shared, _ = make(samples, share_weights=1)
    own, _ = make(samples)
    count = [sum(parameter.numel() for parameter in member.parameters()) for member in (shared, own)]
    assert count[0] < 0.7 * count[1]


def test_patches_are_connected_and_drawn_parts_are_parts(samples: list[Sample]) -> None:
    _, encoding = make(samples)
    encoded = encoding.encode(samples[0])
    pool = PatchPool(encoded, 64, 2, (0, 0))
    frame = pool.frame(1, 0)
    assert len(frame.nodes["atom"]) == 64
    bonds = frame.edges["atom", "atom"]
    reached, edge = {0}, {0}
    while edge:
        edge = {int(b) for a, b in bonds.index.T.tolist() if a in edge} - reached
        reached |= edge
    assert len(reached) == 64
    whole = {row.tobytes() for row in encoded.frames[1].nodes["atom"]}
    assert {row.tobytes() for row in frame.nodes["atom"]} <= whole
    assert 0 < frame.node_weight["atom"].min() < 0.9
    assert frame.node_weight["atom"].max() <= 1 + 1e-6
    rng = np.random.default_rng(0)
    drawn = [draw(pool, Augmentation(dynamic_steps=2), rng) for _ in range(60)]
    assert {len(entry.frames) for entry in drawn} == {2}
    assert {tuple(frame.time_ps for frame in entry.frames) for entry in drawn} == {(0.0, 5.0), (0.0, 10.0), (5.0, 10.0)}
    assert any("facet" not in entry.frames[0].nodes for entry in drawn)
    assert 10 < sum(not entry.has_pooled for entry in drawn) < 50
    assert all(entry.later is None or entry.later[0] > entry.frames[-1].time_ps for entry in drawn)


def chains(*steps: csr_array, atoms: int = 40) -> EncodedSample:
    """Atoms in a chain, seen once more than there are correspondences; their only feature is their number."""
    first = np.arange(atoms - 1)
    index = np.concatenate([[first, first + 1], [first + 1, first]], axis=1)
    bonds = Edges(index, np.ones(index.shape[1], np.float32), np.zeros((index.shape[1], 0), np.float32))
    none = np.zeros(0, np.float32)
    numbers = np.arange(atoms, dtype=np.float32)[:, None]
    levels = {name: numbers if name == "atom" else numbers[:1] for name in ("process", "atom", "facet", "cluster")}
    weights = {name: np.ones(len(table), np.float32) for name, table in levels.items()}
    frames = tuple(
        EncodedFrame(float(number), none, none, 0.5, (0.0, 0.0), levels, weights, {("atom", "atom"): bonds})
        for number in range(len(steps) + 1)
    )
    return EncodedSample(frames, none, False, np.zeros(0), np.zeros(0), tuple({"atom": step} for step in steps))


def atom_of(pool: PatchPool, number: int, patch: int) -> int:
    (atom,) = pool.frame(number, patch).nodes["atom"][:, 0].astype(int).tolist()
    return atom


def test_a_patch_goes_on_where_its_atoms_go_on() -> None:
    """With patches of one atom: the later patch is the atom that the first one became, whatever lies in between."""
    ways = [np.random.default_rng(seed).permutation(40) for seed in (0, 1)]
    steps = [csr_array((np.ones(40), (np.arange(40), way))) for way in ways]
    pool = PatchPool(chains(*steps), 1, 8, (0, 0))
    for patch in range(8):
        first = atom_of(pool, 0, patch)
        assert atom_of(pool, 1, patch) == ways[0][first]
        assert atom_of(pool, 2, patch) == ways[1][ways[0][first]]


def test_a_first_patch_begins_at_any_atom_and_so_does_a_later_one_where_nothing_goes_on() -> None:
    lost = csr_array((np.ones(1), ([0], [7])), shape=(40, 40))
    pool = PatchPool(chains(lost), 1, 8, (0, 0))
    first = [atom_of(pool, 0, patch) for patch in range(8)]
    assert len(set(first)) > 4
    assert 0 not in first
    assert len({atom_of(pool, 1, patch) for patch in range(8)}) > 4


def test_random_numbers_of_levels_are_drawn_in_the_order_of_their_names() -> None:
    """Whatever the order in which a frame lists them, or in which Python's hashes put them in a set."""
    pool = PatchPool(chains(), 100, 1, (0, 0))
    for place, level in enumerate(("atom", "cluster", "facet", "process")):
        numbers = [0.9] * place + [0.1] + [0.9] * 3
        rng = SimpleNamespace(
            choice=lambda *_, **__: np.array([0]), integers=lambda _: 0, random=iter(numbers).__next__
        )
        drawn = draw(pool, Augmentation(drop_level=0.5, jitter=0.0), rng)  # type: ignore[arg-type]
        assert set(pool.sample.frames[0].nodes) - set(drawn.frames[0].nodes) == {level}


def test_a_forecast_does_not_look_ahead(samples: list[Sample]) -> None:
    member, encoding = make(samples)
    sample = samples[0]
    evidence = sample.sequence.evidence
    other = evidence.values.copy()
    other[evidence.times > 5.5e-12] += 0.1
    changed = replace(
        sample,
        pooled={"early_velocity": 99.0},
        sequence=replace(sample.sequence, evidence=replace(evidence, values=other)),
    )
    with torch.no_grad():
        states = []
        for entry in (sample, changed):
            batch = collate([observe(encoding.encode(entry), 3, until_ps=5.0)], encoding)
            output, line = member.network(batch), batch.moments[-1].line
            states.append(member.network.forecast(output.states[-1], output.conditions, line, torch.ones(1), steps=5))
    assert torch.equal(*states)
    assert isinstance(MsgnnPredictor("growth_velocity", MsgnnConfig(), encoding, (member,)), MsgnnPredictor)


def test_a_readout_is_a_mean_whose_shares_sum_to_one_and_a_token_where_there_is_nothing() -> None:
    torch.manual_seed(2)
    readout = GatedReadout(5, 4)
    torch.nn.init.normal_(readout.token)
    nodes, owner, weight = torch.randn(7, 5), torch.tensor([0, 0, 0, 2, 2, 2, 2]), torch.rand(7) + 0.1
    with torch.no_grad():
        vectors, shares = readout(nodes, owner, weight, 3)
        sums = torch.zeros(3).index_add(0, owner, shares)
        torch.testing.assert_close(sums, torch.tensor([1.0, 0.0, 1.0]))
        torch.testing.assert_close(vectors[1], readout.token)
        # How much all nodes count together does not matter, and a mean of one value is that value.
        torch.testing.assert_close(readout(nodes, owner, 1e-3 * weight, 3)[0], vectors)
        alone = readout(nodes[:1].expand(4, -1), torch.zeros(4, dtype=torch.int64), weight[:4], 1)[0]
        torch.testing.assert_close(alone[0], torch.tanh(readout.value(readout.norm(nodes[0]))))
