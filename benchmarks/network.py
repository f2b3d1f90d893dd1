"""How fast and how large the graph network is: an epoch of 1,000 patches of 500 atoms, a prediction for 4,000 atoms.

Each is measured in a process of its own, so that the peaks of memory are its own. The atoms are those of a shaken
crystal with a disordered half, so no molecular dynamics is needed; numbers of edges are those of real interfaces.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import numpy as np
import torch
import typer

from nakaya.cli.output import echo_json
from nakaya.core.processes import parent_bound_pool, peak_memory, results_as_completed
from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.graphs.build import build_sequence
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.models.msgnn.augmentation import Augmentation, PatchPool
from nakaya.kinetics.models.msgnn.config import MsgnnConfig
from nakaya.kinetics.models.msgnn.encoding import fit_encoding
from nakaya.kinetics.models.msgnn.ensemble import make_msgnn, new_member
from nakaya.kinetics.models.msgnn.task import KineticTask
from nakaya.kinetics.samples.sample import Sample
from nakaya.learn.config import LoopConfig
from nakaya.learn.loop import fit
from nakaya.learn.threads import torch_threads
from nakaya.md.tables import MaterialTable
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record

__all__ = ["NetworkSpeed", "benchmark_network", "network"]

NUM_PATCHES = 1000
DISTINCT = 20
"""Patches that differ; they are repeated up to `NUM_PATCHES`."""

BATCH = 16
TARGET = "growth_velocity"
LARGE = (8, 8, 16)
"""Cells of the large frame, of four atoms each."""

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class NetworkSpeed:
    """Times on one thread, and peaks of memory.

    Attributes:
        patch_atoms: Atoms of a patch.
        epoch_cpu_seconds: One update for every 16 of 1,000 whole patches, one frame each.
        epoch_seconds: Wall time of the same; other programs on the machine lengthen it.
        epoch_peak_bytes: Most memory of a process that makes the graphs and trains this epoch, all its libraries
            included; None where the system does not say.
        augmented_cpu_seconds: The same with the random parts that the default settings draw.
        frame_atoms: Atoms of the large frame.
        prediction_cpu_seconds: Prediction of an ensemble of three for one large frame, graph at hand.
        prediction_peak_bytes: Most memory of a process that makes that graph and predicts.
        graph_cpu_seconds: Building the graph of that frame.
        machine: Processor and version of torch.
    """

    patch_atoms: int
    epoch_cpu_seconds: float
    epoch_seconds: float
    epoch_peak_bytes: int | None
    augmented_cpu_seconds: float
    frame_atoms: int
    prediction_cpu_seconds: float
    prediction_peak_bytes: int | None
    graph_cpu_seconds: float
    machine: dict[str, str]


@dataclass(frozen=True)
class _Epoch:
    atoms: int
    cpu: float
    wall: float
    peak: int | None


@dataclass(frozen=True)
class _Prediction:
    atoms: int
    cpu: float
    graph_cpu: float
    peak: int | None


def benchmark_network(*, stage: Callable[[str], None] | None = None) -> NetworkSpeed:
    """Measure; takes about a minute.

    Args:
        stage: Told what is measured next.
    """
    tell = stage or (lambda _: None)
    tell("an epoch of whole patches")
    whole = _apart(_train, 10**6)
    tell("an epoch of random parts")
    parts = _apart(_train, MsgnnConfig().patch_atoms)
    tell("a prediction")
    prediction = _apart(_predict, LARGE)
    return NetworkSpeed(
        patch_atoms=whole.atoms,
        epoch_cpu_seconds=whole.cpu,
        epoch_seconds=whole.wall,
        epoch_peak_bytes=whole.peak,
        augmented_cpu_seconds=parts.cpu,
        frame_atoms=prediction.atoms,
        prediction_cpu_seconds=prediction.cpu,
        prediction_peak_bytes=prediction.peak,
        graph_cpu_seconds=prediction.graph_cpu,
        machine={"processor": platform.processor() or platform.machine(), "torch": torch.__version__},
    )


def _apart(work: Callable[[Task], Result], task: Task) -> Result:
    """Do one thing in a process of its own."""
    with parent_bound_pool(1) as pool:
        (found,) = results_as_completed(pool, work, [task], ahead=1)
    return found


def _train(patch_atoms: int) -> _Epoch:
    samples = [_sample(number, (4, 4, 8)) for number in range(DISTINCT)]
    cpu, wall = _epoch(samples, patch_atoms)
    return _Epoch(samples[0].sequence.frames[0].levels["atom"].num_nodes, cpu, wall, peak_memory())


def _predict(repeats: tuple[int, int, int]) -> _Prediction:
    few = [_sample(number, (4, 4, 8)) for number in range(4)]
    started = time.process_time()
    large = _sample(0, repeats)
    graph_seconds = time.process_time() - started
    predictor = make_msgnn().fit(few, TARGET, {"updates": 2.0}, seed=0)
    predictor.predict([large])  # the first call loads what later ones share
    times = []
    for _ in range(3):
        started = time.process_time()
        predictor.predict([large])
        times.append(time.process_time() - started)
    atoms = large.sequence.frames[0].levels["atom"].num_nodes
    return _Prediction(atoms, float(np.median(times)), graph_seconds, peak_memory())


def _epoch(samples: list[Sample], patch_atoms: int) -> tuple[float, float]:
    """(CPU, wall) seconds of one epoch; graphs are at hand, as they are in a real training."""
    config = MsgnnConfig(dynamic_steps=1, batch_size=BATCH)
    encoding = fit_encoding(samples)
    labels = np.array([sample.labels[TARGET].value for sample in samples])
    repeated = [number % DISTINCT for number in range(NUM_PATCHES)]
    encoded = [encoding.encode(sample) for sample in samples]
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        member = new_member(config, encoding, TARGET)
        member.law.settle(samples, labels)
        cpu, wall = time.process_time(), time.perf_counter()
        pools = [PatchPool(encoded[number], patch_atoms, 1, (0, place)) for place, number in enumerate(repeated)]
        task = KineticTask(
            pools,
            torch.from_numpy(labels[repeated].astype(np.float32)),
            torch.zeros(NUM_PATCHES),
            member.law.rows(samples)[repeated],
            encoding,
            Augmentation(patch_atoms=patch_atoms, num_patches=1, dynamic_steps=1),
            BATCH,
        )
        updates = NUM_PATCHES // BATCH
        fit(member, task, LoopConfig(updates, validate_every=updates, checkpoint_every=updates), fused=True)
        return time.process_time() - cpu, time.perf_counter() - wall


def _sample(seed: int, repeats: tuple[int, int, int]) -> Sample:
    rng = np.random.default_rng(seed)
    positions, box = build_crystal("fcc", "100", 3.7, repeats)
    positions = positions + rng.normal(0, 0.12, positions.shape)
    melt = positions[:, 2] > 0.5 * box[2]
    positions[melt] += rng.normal(0, 0.5, (int(melt.sum()), 3))
    frame = Frame(0, 0.0, positions, np.diag(box), np.full(len(positions), "Cu"), None, {})
    temperature = 800.0 + 20 * seed
    table = MaterialTable(
        "Cu", 1327.0, 5.0, lattice_parameter=lambda _: 3.7e-10, latent_heat=lambda _: 12_000.0,
        diffusivity=lambda _: 1e-9,
    )  # fmt: skip
    record = Record(
        id=f"synthetic-{seed}",
        kind="md",
        material="Cu",
        orientation="100",
        conditions={
            "temperature": Quantity(np.array(temperature), "K"),
            DRIVING_FORCE: Quantity(np.array(table.driving_force(temperature)), "1"),
        },
        quantities={},
        provenance=Provenance("a shaken crystal with a disordered half", seeds=(seed,)),
    )
    sequence = build_sequence(record, [frame], table=table)
    graph = sequence.frames[0]
    velocity = 400 * -math.expm1(-table.driving_force(temperature)) + float(rng.normal(0, 5))
    return Sample(
        record.id, f"Cu-100-{temperature:g}K", "Cu", "100", temperature, seed, "B",
        dict(zip(graph.global_names, graph.global_values.tolist(), strict=True)), {}, sequence, table,
        {TARGET: Label(TARGET, "m/s", velocity, 5.0, ("another",))},
    )  # fmt: skip


def network(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Measure the graph network of kinetics: an epoch of 1,000 patches of 500 atoms, a prediction for 4,000 atoms.

    One thread, CPU seconds, peaks of memory of whole processes; about a minute.

    Example: python3 nk.py benchmark network
    """
    found = benchmark_network(stage=lambda words: typer.echo(words, err=True))
    if as_json:
        echo_json(found)
        return
    typer.echo(
        f"epoch, 1,000 patches of {found.patch_atoms} atoms: {found.epoch_cpu_seconds:.1f} CPU s "
        f"({found.epoch_seconds:.1f} s on the clock), {_memory(found.epoch_peak_bytes)}"
    )
    typer.echo(f"epoch, random parts of them as in training: {found.augmented_cpu_seconds:.1f} CPU s")
    typer.echo(
        f"prediction by three networks, {found.frame_atoms:,} atoms: {found.prediction_cpu_seconds:.2f} CPU s, "
        f"{_memory(found.prediction_peak_bytes)}"
    )
    typer.echo(f"graph of those atoms: {found.graph_cpu_seconds:.2f} CPU s")
    typer.echo(", ".join(f"{name} {value}" for name, value in found.machine.items()))


def _memory(peak: int | None) -> str:
    return "peak of memory not known on this system" if peak is None else f"at most {peak / 1e9:.2f} GB of memory"
