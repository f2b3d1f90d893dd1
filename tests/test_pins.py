"""Pins: hashes, crystals, predictions, files and the command tree are today what they were when the pins were set.

Other tests say what must be true; this one says that nothing changed. Stores, records, weights and checkpoints of users
name these hashes, so a difference here breaks files that exist, whatever the other tests say. The inputs stand in this
file, what came out of them in `fixtures/pins.json`. Who means to change an output, or to ship other records, sets the
pins anew and explains the difference:

    PYTHONPATH=. python -P tests/test_pins.py --write [SECTION ...]
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import math
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import typer.main

import nakaya
from benchmarks.__main__ import app as studies

# Everything that is not public, here and nowhere else: where a module moves, only these lines follow.
from nakaya.cli.app import app, run
from nakaya.core.randomness import fair_bits, member_key, noise_words
from nakaya.growth.campaigns.config import read_campaign
from nakaya.growth.campaigns.sampling import Axis, PointsPlan
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.controls.lookup import LookUpTable
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.model.parameters import point_hash
from nakaya.growth.store.splits import split_points
from nakaya.growth.store.store import read_description
from nakaya.kinetics.benchmark.splits import freeze_splits
from nakaya.kinetics.benchmark.tasks import Task, corpus_hash
from nakaya.kinetics.prediction import model as kinetics_model
from nakaya.kinetics.samples.corpus import Corpus, read_corpus
from nakaya.kinetics.samples.splits import SPLITS, assignment_hash, fold_of, for_tuning, hashed
from nakaya.kinetics.training.training import hash_records
from nakaya.learn.normalisation import Standardiser
from nakaya.md.campaigns.campaign import run_hash
from nakaya.md.campaigns.plan import Run, read_plan
from nakaya.md.trajectory_records import _record_id as ingested_id
from nakaya.records.store import RecordStore, from_json, load_records, record_hash, shipped_sets, to_json
from nakaya.workflows.train_emulator import _fingerprint as training_fingerprint
from nakaya.workflows.train_emulator_config import read_training
from nakaya.workflows.tuning.search import hash_of

FIXTURES = Path(__file__).parent / "fixtures"
EXAMPLES = Path(__file__).parents[1] / "examples"
PINS = FIXTURES / "pins.json"

Pinned = dict[str, Any]  # JSON values

LOGARITHMIC = 1e-13
"""Relative tolerance of points on logarithmic axes: the last bit of NumPy's exp belongs to the processor."""

SAME_MACHINE = 1e-9
"""Relative tolerance of predictions where torch and its CPU kernels are those of the pins: they repeat to the bit."""

OTHER_MACHINE = 1e-5
"""Relative tolerance elsewhere: networks compute in float32; another processor alone changes 3e-8 of an answer."""

OTHER_COUNTS = 0.02
"""Relative tolerance of an emulated crystal's sites there: a site whose probability is at the threshold may flip."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha256_of_json(document: object) -> str:
    """Of a document whose order matters."""
    return sha256(json.dumps(document).encode())


def described(values: np.ndarray[Any, Any]) -> Pinned:
    """An array by type, shape and bytes (C order)."""
    return {"dtype": values.dtype.str, "shape": list(values.shape), "sha256": sha256(values.tobytes())}


def described_trajectory(crystals: nakaya.Trajectory) -> Pinned:
    """All that a trajectory holds, but for the version of the package."""
    about = crystals.metadata
    grain = {} if crystals.grain is None else {"grain": described(crystals.grain)}
    return {
        "arrival": described(crystals.arrival),
        "steps": described(crystals.steps),
        "stop_codes": described(crystals.stop_codes),
        **grain,
        "parameters": {name: described(values) for name, values in crystals.parameters.items()},
        "attached": (crystals.arrival >= 0).sum(axis=(-2, -1)).ravel().tolist(),
        "last_step": crystals.steps.ravel().tolist(),
        "stopped_by": crystals.stopped_by.ravel().tolist(),
        "model": [about.model, about.model_hash, about.family, about.time_resolution, about.format_version],
        "lattice": [about.lattice, about.dimension, about.step_duration, about.site_spacing],
        "seed": about.seed,
        "geometry": dict(about.geometry),
    }


# Hashes ---------------------------------------------------------------------------------------------------------------

POINTS = tuple(
    nakaya.GravnerGriffeath(**values)
    for values in (
        {"rho": 0.5},
        {"rho": 1.0},
        {"rho": 1e-300},
        {"rho": 0.35, "sigma": 0.0},
        {"rho": 0.35, "sigma": -0.0},
        {"rho": 0.64, "sigma": 1e-2},
        {"rho": 0.1 + 0.2},
        {"rho": 0.3},
        {"rho": 0.58, "beta": 1.0, "alpha": 0.0},
        {"rho": 0.4, "beta": 1.3, "alpha": 0.08, "theta": 0.025},
        {"rho": 0.42, "gamma": 0.0, "mu": 0.0, "kappa": 0.0},
        {"rho": 0.42, "gamma": 1.0, "mu": 1.0, "kappa": 1.0},
        {"rho": 0.8, "beta": 2.6, "alpha": 0.006, "theta": 0.005, "kappa": 0.05, "mu": 0.015, "gamma": 1e-4},
        {"rho": 0.8, "theta": 7.0},
        {"rho": 0.8, "alpha": 10.0, "beta": 10.0},
        {"rho": 1, "sigma": 0.999},
        {"rho": np.float32(0.55)},
        {"rho": np.float64(0.55)},
        {"rho": 2 / 3, "mu": 1 / 3},
        {"rho": 5e-324},
    )
)

RECORDS = (
    "growth-Al-100-440K-s0", "growth-Al-100-557K-s5", "growth-Al-110-706K-s1", "growth-Al-111-855K-s2",
    "growth-Cu-100-1221K-s0", "growth-Cu-100-796K-s1", "growth-Cu-110-1009K-s2", "growth-Cu-111-1115K-s0",
    "growth-Cu-111-796K-s2", "growth-Si-100-1262K-s0", "growth-Si-110-1395K-s1", "growth-Si-110-997K-s2",
    "melting-Al-100-100A-s0", "melting-Si-100-200A-s0", "nucleation-Al-440K-s0", "nucleation-Al-465K-s9",
    "nucleation-Cu-650K-s7", "properties-Al-966K-s0", "properties-Cu-1327K-s0", "properties-Si-997K-s0",
)  # fmt: skip
"""Of al-cu-si: some of every kind, material and orientation."""


@cache
def shipped(name: str) -> tuple[Any, ...]:
    return tuple(load_records(name))


def chosen() -> list[Any]:
    by_id = {record.id: record for record in shipped("al-cu-si")}
    return [by_id[name] for name in RECORDS]


@cache
def corpus() -> Corpus:
    return read_corpus(shipped("al-cu-si"), graphs=False)


@contextmanager
def version_of_the_pins() -> Iterator[None]:
    """Some hashes name the version of the package: they are pinned as those of version 0.1.0."""
    with patch.object(importlib.metadata, "distribution", lambda name: SimpleNamespace(version="0.1.0")):
        yield


def pin_points() -> Pinned:
    return {
        "point_hash": [f"{point_hash(point):016x}" for point in POINTS],
        "member_key": [list(member_key(5 * i, point_hash(POINTS[i]), i * i)) for i in range(20)],
        "member_key of a stream": [list(member_key(7, i, 3, stream=f"stream {i}")) for i in range(20)],
        "noise_words": [described(noise_words((i, 2**32 - 1 - i), i + 1, 30 + 9 * i, 20 + i)) for i in range(20)],
        "fair_bits": [described(fair_bits((3 * i, i), 2**i, (25 + 7 * i, 40 - i))) for i in range(20)],
        "split_points": [
            {name: described(part) for name, part in split_points(40 + i, {"a": 0.7, "b": 0.2, "c": 0.1}, i).items()}
            for i in range(20)
        ],
    }


def pin_records() -> Pinned:
    records, whole = chosen(), corpus()
    documents = {name: [name, index, {"value": index / 7, "none": None}] for index, name in enumerate(RECORDS)}
    corpora = [replace(whole, records=whole.records[4 * i : 6 * i + 2], _made={}) for i in range(19)]
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{stem}.lammpstrj.gz" for stem in ("run", "é a", "-._", "x" * 100, *RECORDS[:16])]
        for number, file in enumerate(files):
            file.write_bytes(b"frame %d" % number)
        ingested = [ingested_id(file) for file in files]
    return {
        "record_hash": {record.id: record_hash(record) for record in records},
        "hash_records": [hash_records(records[i:] + records[: i // 2]) for i in range(20)],
        "hash_records of a shipped set": {name: hash_records(shipped(name)) for name in ("al-cu-si", "unseen")},
        "corpus_hash": [corpus_hash(entry) for entry in (whole, *corpora)],
        "hash_of": {name: hash_of(document) for name, document in documents.items()},
        "hashed": [hashed(name, 2**63) for name in RECORDS],
        "assignment_hash": [
            assignment_hash({name: (i * i) % (k + 2) for i, name in enumerate(RECORDS)}) for k in range(20)
        ],
        "folds": {
            record.id: [*(fold_of(record, split) for split in SPLITS), for_tuning(record)]
            for record in whole.records[::7][:20]
        },
        "ingested_id": ingested,
    }  # fmt: skip


def pin_runs() -> Pinned:
    plan = shipped_sets()["al-cu-si"].parent / "plan.toml"
    runs = read_plan(plan)
    with TemporaryDirectory() as folder:  # a run's hash names the bytes of its potential: these need no LAMMPS
        potential = Path(folder) / "potential.txt"
        potential.write_bytes(b"a potential")

        def stand_in(run: Run) -> Run:
            return replace(run, material=replace(run.material, potential=str(potential)))  # type: ignore[type-var]

        hashes = {run.id: run_hash(stand_in(run)) for run in runs[:: len(runs) // 20][:20]}
    return {
        "run_hash": hashes,
        "ids of the plan": [len(runs), sha256_of_json([run.id for run in runs])],
        "frozen splits": freeze_splits(plan),
    }


def pin_tasks() -> Pinned:
    settings = [(), (("width", 16.0),), (("members", 3.0), ("width", 8.0)), (("degree", 2.0),)]
    tasks = [
        Task(model, evidence, split, fold, settings[fold], 3 * fold, "c" * 64)  # type: ignore[arg-type]
        for fold, split in enumerate(SPLITS[:4])
        for model, evidence in (("ridge", "A"), ("svm", "B"), ("msgnn", "A"), ("msgnn", "B"), ("gp", "A"))
    ]
    with version_of_the_pins():
        return {task.name: task.identity for task in tasks}


def pin_configurations() -> Pinned:
    sweeps = {path.name: read_campaign(path) for path in sorted(EXAMPLES.glob("*sweep*.toml"))}
    sweeps["fixture"] = read_campaign(FIXTURES / "schema-1-campaign.toml")
    for seed, base in enumerate([("uniform", 5), ("uniform", 33), ("sobol", 8), ("sobol", 31)] * 4):
        axes = {"rho": Axis(0.3, 0.7), "sigma": Axis(1e-5, 1e-2, "log"), "mu": Axis(0.0, 0.05 * (seed + 1))}
        plan = PointsPlan(base[0], axes, base[1], seed)  # type: ignore[arg-type]
        sweeps[f"{base[0]}-{base[1]}-{seed}"] = replace(sweeps["fixture"], points=plan, fixed={}, seed=2 * seed)
    grid = PointsPlan("grid", {"beta": Axis(values=(1.0, 1.5)), "rho": Axis(0.2, 0.8, "log", 4)})
    sweeps["grid"] = replace(sweeps["fixture"], points=grid, fixed={})
    campaigns = {}
    for name, sweep in sweeps.items():
        family = find_model(sweep.model).family
        sampled = sweep.sample(family)
        logarithmic = [key for key, axis in sweep.points.vary.items() if axis.scale == "log"]
        campaigns[name] = {
            "plain": sha256_of_json(sweep.as_plain(family)),
            "points": sha256_of_json({key: described(sampled[key]) for key in sampled if key not in logarithmic}),
            **{key: sampled[key][:: -(-sampled[key].size // 8)].tolist() for key in logarithmic},
        }
    training = read_training(EXAMPLES / "train-cgne.toml")
    crystals = [nakaya.grow(POINTS[i : i + 2], size=9 + i, members=1, seed=i) for i in (5, 6, 8, 9)]
    fingerprints = [
        training_fingerprint(replace(training, split_seed=seed, threads=1 + seed), grown)
        for seed in range(5)
        for grown in crystals
    ]
    setup = make_setup("sector", 12)
    table = LookUpTable(
        nakaya.grow(POINTS[5:9], size=12, members=1, seed=3), Standardiser(("rho",), (0.5,), (0.1,)), 2, setup
    )
    looked_up = [
        described_trajectory(table.grow(POINTS[i : i + 2], setup, members=range(3), seed=i)) for i in (0, 5, 9, 13)
    ]
    return {
        "campaigns": campaigns,
        "training": training.as_plain(),
        "fingerprint of a training": fingerprints,
        "look-up table": looked_up,
    }


# Crystals -------------------------------------------------------------------------------------------------------------

FAST, REFERENCE, EMULATOR = "gravner-griffeath", "gravner-griffeath-reference", "cgne-small-rho"
NOISY = {"rho": 0.55, "sigma": 1e-2}
CALM = {"rho": 0.55, "sigma": 0.0}
THIN = {"rho": 0.4, "beta": 1.3, "alpha": 0.08, "theta": 0.025, "kappa": 0.003, "mu": 0.07, "gamma": 5e-5}
PLATE = {"rho": 0.8, "beta": 2.6, "alpha": 0.006, "theta": 0.005, "kappa": 0.05, "mu": 0.015, "gamma": 1e-4}
SHORT = nakaya.StopRules(max_steps=150)

CRYSTALS: dict[str, dict[str, Any]] = {
    "sector even": {"of": NOISY, "size": 64, "members": 3, "seed": 7},
    "sector odd": {"of": NOISY, "size": 63, "members": 3, "seed": 7},
    "sector of a word and a row": {"of": NOISY, "size": 33, "members": 2, "seed": 0},
    "sector beyond a block": {"of": NOISY, "size": 97, "members": 2, "seed": 2**63 - 1},
    "sector without noise": {"of": CALM, "size": 48, "members": 2, "seed": 7},
    "sector of the defaults": {"of": {"rho": 0.5}, "size": 64, "members": 4, "seed": 1},
    "sector thin": {"of": THIN, "size": 40, "members": 1, "seed": 3},
    "sector plate": {"of": PLATE, "size": 55, "members": 2, "seed": 3},
    # Large crystals amplify: a relative change of 1e-5 to 1e-4 in a rate moves sites here, and none below size 64.
    "sector thin, large": {"of": THIN, "size": 97, "seed": 3},
    "sector plate, large": {"of": PLATE, "size": 128, "seed": 3},
    "sector plate, large, without noise": {"of": {**PLATE, "sigma": 0.0}, "size": 128, "seed": 3},
    "sector least size": {"of": NOISY, "size": 8, "members": 5, "seed": 4},
    "sector dense": {"of": {"rho": 1.0, "sigma": 0.5}, "size": 50, "members": 2, "seed": 4},
    "sector initial": {"of": NOISY, "size": 41, "members": 2, "seed": 5, "initial": [(0, 0), (7, 5), (12, 12)]},
    "sector margin": {"of": NOISY, "size": 32, "seed": 5, "stop": nakaya.StopRules(margin=12)},
    "sector steps": {"of": NOISY, "size": 32, "seed": 5, "stop": SHORT},
    "sector no growth": {"of": {"rho": 0.05}, "size": 16, "seed": 5, "stop": nakaya.StopRules(None, None, 300)},
    "sector object, three threads": {
        "of": NOISY, "size": 40, "members": 7, "seed": 6, "geometry": nakaya.Sector(), "workers": 3
    },
    "points": {"of": [NOISY, CALM, THIN], "size": 30, "members": 2, "seed": 8},
    "full even": {"of": NOISY, "geometry": "full", "size": 64, "members": 2, "seed": 7},
    "full odd": {"of": NOISY, "geometry": "full", "size": 65, "members": 2, "seed": 7},
    "full without noise": {"of": CALM, "geometry": nakaya.Full(), "size": 49, "seed": 7},
    "full initial": {
        "of": NOISY, "geometry": "full", "size": 50, "members": 2, "seed": 9, "initial": [(25, 25), (18, 30), (30, 18)]
    },
    "periodic even": {"of": NOISY, "geometry": "full", "edges": "periodic", "size": 32, "members": 2, "seed": 7},
    "periodic odd": {"of": NOISY, "geometry": "full", "edges": "periodic", "size": 45, "seed": 7, "stop": SHORT},
    "periodic initial": {
        "of": THIN, "geometry": "full", "edges": "periodic", "size": 40, "seed": 7, "initial": [(0, 0), (39, 20)],
        "stop": SHORT,
    },
    "reference sector even": {"of": NOISY, "model": REFERENCE, "size": 24, "members": 2, "seed": 7},
    "reference sector odd": {"of": THIN, "model": REFERENCE, "size": 19, "members": 1, "seed": 7},
    "reference without noise": {"of": CALM, "model": REFERENCE, "size": 20, "seed": 7},
    "reference full even": {"of": NOISY, "model": REFERENCE, "geometry": "full", "size": 26, "seed": 7},
    "reference full odd": {"of": PLATE, "model": REFERENCE, "geometry": "full", "size": 27, "seed": 7},
    "reference periodic": {
        "of": NOISY, "model": REFERENCE, "geometry": "full", "edges": "periodic", "size": 16, "seed": 7, "stop": SHORT
    },
    "reference initial": {
        "of": [NOISY, CALM], "model": REFERENCE, "size": 20, "members": 2, "seed": 11, "initial": [(0, 0), (6, 3)]
    },
}  # fmt: skip

EMULATED: dict[str, dict[str, Any]] = {
    f"emulator at {rho}": {"of": {"rho": rho}, "model": EMULATOR, "size": 64, "members": 3, "seed": 3}
    for rho in (0.36, 0.45, 0.5, 0.6)
}


def grown(of: Mapping[str, float] | Sequence[Mapping[str, float]], **how: Any) -> nakaya.Trajectory:
    points = [nakaya.GravnerGriffeath(**entry) for entry in ([of] if isinstance(of, Mapping) else of)]
    return nakaya.grow(points[0] if isinstance(of, Mapping) else points, **how)


def pin_crystals() -> Pinned:
    return {name: described_trajectory(grown(**how)) for name, how in CRYSTALS.items()}


def pin_emulated() -> Pinned:
    return {"machine": machine(), **{name: described_trajectory(grown(**how)) for name, how in EMULATED.items()}}


def machine() -> Pinned:
    """What the last digits of a network depend on: torch, the instructions that it uses, and the processor."""
    import torch

    return {
        "torch": torch.__version__.partition("+")[0],
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processor": processor(),
    }


def processor() -> str:
    """Of two processors that both know AVX512, the libraries below torch choose other blocks of a matrix."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("vendor_id", "cpu family", "model", "stepping")
    return " ".join(
        next((value.split(":")[1].strip() for value in lines if value.split("\t")[0] == name), "") for name in wanted
    )


# Predictions ----------------------------------------------------------------------------------------------------------

PREDICTIONS = (
    "--material Cu --orientation 100 --temperature 1200",
    "--material Cu --orientation 110 --temperature 1009",
    "--material Cu --orientation 111 --temperature 796",
    "--material Cu --orientation 100 --temperature 620",
    "--material Cu --orientation 100 --temperature 400",
    "--material Cu --orientation 111 --temperature 1500",
    "--material Cu --orientation 210 --temperature 1100",
    "--material Cu --orientation (1-10) --temperature 1100",
    "--material Cu --temperature 630",
    "--material Al --orientation 100 --temperature 450",
    "--material Al --orientation 110 --temperature 700",
    "--material Al --orientation 111 --temperature 855.5",
    "--material Al --orientation 311 --temperature 1000",
    "--material Al --temperature 500",
    "--material Al --temperature 465",
    "--material Si --orientation 100 --temperature 1262",
    "--material Si --orientation 110 --temperature 1600",
    "--material Si --orientation 111 --temperature 1500",
    "--material Si --temperature 1200",
    "--records al-cu-si --record growth-Cu-100-796K-s1",
    "--records al-cu-si --record growth-Si-110-1395K-s1 --record nucleation-Al-440K-s0",
    "--records unseen --record growth-Al-110-670K-s0",
    "--material Ag --orientation 100 --temperature 900",
    "--material Al --temperature 3000",
    "--material Si --orientation 100 --temperature nan",
    "--material Cu --orientation 000 --temperature 1200",
    "--material Cu --orientation 100",
    "--material Cu --orientation 111 --temperature 397",
    "--records al-cu-si --record growth-Cu-100-796K-s99",
    "--records al-cu-si --record properties-Al-966K-s0",
    "--record growth-Cu-100-796K-s1 --material Cu --temperature 1000",
    "--material Cu --temperature 1000 --model no-such-model",
    "",
)


def command(words: Sequence[str]) -> tuple[int, str, str]:
    """Run `nakaya WORDS` in this process: exit status, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings(action="ignore"):
        status = run(words)
    return status, out.getvalue(), err.getvalue()


def pin_predictions() -> Pinned:
    found: Pinned = {"machine": machine()}
    # Reading the model anew would cost a second for each prediction.
    with patch.object(kinetics_model, "load_model", cache(kinetics_model.load_model)):
        for line in PREDICTIONS:
            status, out, err = command(["predict", "--json", *line.split()])
            found[line] = {"status": status, "error": err if status else "", "answer": json.loads(out) if out else None}
    return found


# Files and commands ---------------------------------------------------------------------------------------------------


def pin_files() -> Pinned:
    stores = {}
    for path in sorted(FIXTURES.glob("*.zarr")):
        stored = nakaya.open(path)
        about = {"version": stored.metadata.package_version, "group": read_description(path)[1]}
        stores[path.name] = {**described_trajectory(stored.load()), **about}
    written = {}
    with TemporaryDirectory() as folder:
        store = RecordStore(Path(folder))
        for record in chosen():
            store.add(record)
            written[record.id] = sha256((Path(folder) / f"{record.id}.json").read_bytes())
    return {"stores": stores, "records": written}


MOVED = {
    "nakaya benchmark kinetics --out": "kinetics --out",
    "nakaya benchmark kinetics --split": "kinetics --split",
    "nakaya benchmark kinetics --done": "kinetics --done",
    "nakaya benchmark kinetics --write": "kinetics --write",
    "nakaya benchmark kinetics --keep": "kinetics --keep",
    "nakaya benchmark kinetics --overwrite": "kinetics --overwrite",
    "nakaya benchmark kinetics --causes": "kinetics-ablation",
    "nakaya benchmark kinetics --velocities": "velocities",
    "nakaya benchmark loops": "loops",
    "nakaya benchmark micrographs": "micrographs",
    "nakaya benchmark network": "network",
    "nakaya benchmark tuning": "tuning",
    "nakaya fit reactor-conventions": "reactor-conventions",
    "nakaya fit reactor-coverage": "reactor-coverage",
    "nakaya fit reactor-speed": "reactor-speed",
    "nakaya md laws --causes": "md-ablation",
    "nakaya tune --tabulate": "tabulate",
}
"""Pinned words that are typed after `python3 nk.py benchmark` now; where a command moved, its options did too."""


def command_words(command: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    # An argument has one name, without dashes.
    yield path, sorted(name for entry in command.params for name in (*entry.opts, *entry.secondary_opts))
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from command_words(inner, f"{path} {name}")


def pin_commands() -> Pinned:
    return {"commands": dict(command_words(typer.main.get_command(app), "nakaya")), "names": sorted(nakaya.__all__)}


SECTIONS: dict[str, Callable[[], Pinned]] = {
    "points": pin_points,
    "records": pin_records,
    "runs": pin_runs,
    "tasks": pin_tasks,
    "configurations": pin_configurations,
    "crystals": pin_crystals,
    "emulated": pin_emulated,
    "predictions": pin_predictions,
    "files": pin_files,
    "commands": pin_commands,
}


# The tests ------------------------------------------------------------------------------------------------------------


@cache
def pinned() -> dict[str, Pinned]:
    document: dict[str, Pinned] = json.loads(PINS.read_text(encoding="utf-8"))
    return document


def as_json(document: Pinned) -> Pinned:
    """As it comes back from a file: tuples are lists."""
    read: Pinned = json.loads(json.dumps(document))
    return read


def differences(was: Any, now: Any, tolerance: float = 0.0, where: str = "") -> list[str]:
    """Where two JSON documents differ; numbers that are not whole may, by a relative tolerance."""
    if isinstance(was, dict) and isinstance(now, dict):
        entries = [(key, was.get(key, "absent"), now.get(key, "absent")) for key in {**was, **now}]
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        entries = [(str(place), *pair) for place, pair in enumerate(zip(was, now, strict=True))]
    elif isinstance(was, float) and isinstance(now, float) and math.isclose(was, now, rel_tol=tolerance, abs_tol=0):
        return []
    else:
        return [] if type(was) is type(now) and was == now else [f"{where[2:]}: was {was!r}, is {now!r}"]
    return [found for key, *pair in entries for found in differences(*pair, tolerance, f"{where}: {key}")]


@pytest.mark.parametrize("section", ["points", "records", "runs", "configurations", "crystals", "files"])
def test_nothing_changed(section: str) -> None:
    """Hashes, stored files and the crystals of the exact solvers, which are equal to the last bit on any machine."""
    assert differences(pinned()[section], as_json(SECTIONS[section]()), LOGARITHMIC) == []


def test_tasks_of_a_benchmark_keep_their_identity() -> None:
    """An unfinished benchmark finds what it has computed by these."""
    pytest.importorskip("vesin", reason='graphs need the extra "ml"')
    pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')
    assert differences(pinned()["tasks"], pin_tasks()) == []


def test_shipped_records_are_written_as_they_lie_there() -> None:
    folder = shipped_sets()["al-cu-si"]
    for name, digest in pinned()["files"]["records"].items():
        content = (folder / f"{name}.json").read_bytes().replace(b"\r\n", b"\n")  # a checkout may change ends of lines
        assert sha256(content) == digest
        assert to_json(from_json(content.decode())).encode() == content


def test_emulated_crystals_did_not_change() -> None:
    """Networks add floats in an order that belongs to torch and the processor: elsewhere only sites are counted."""
    pytest.importorskip("torch", reason='networks need the extra "ml"')
    was, now = pinned()["emulated"], as_json(pin_emulated())
    if was["machine"] == now["machine"]:
        assert differences(was, now) == []
        return
    for name in EMULATED:
        assert now[name]["attached"] == pytest.approx(was[name]["attached"], rel=OTHER_COUNTS)
        exact = ("model", "lattice", "seed", "geometry", "parameters")
        assert differences({key: was[name][key] for key in exact}, {key: now[name][key] for key in exact}) == []
        assert now[name]["arrival"]["dtype"] == was[name]["arrival"]["dtype"]
        assert now[name]["arrival"]["shape"] == was[name]["arrival"]["shape"]


def test_predictions_did_not_change() -> None:
    pytest.importorskip("vesin", reason='graphs need the extra "ml"')
    was, now = dict(pinned()["predictions"]), as_json(pin_predictions())
    tolerance = SAME_MACHINE if was.pop("machine") == now.pop("machine") else OTHER_MACHINE
    assert differences(was, now, tolerance) == []


def test_every_command_option_and_public_name_is_still_there() -> None:
    was, now = pinned()["commands"], pin_commands()
    of_studies = dict(command_words(typer.main.get_command(studies), "study"))
    there = {
        f"{path} {word}".strip()
        for tree in (now["commands"], of_studies)
        for path, words in tree.items()
        for word in ["", *words]
    }
    lost = []
    for path, words in was["commands"].items():
        for word in ["", *words]:
            whole = f"{path} {word}".strip()
            moved = MOVED.get(whole, f"{MOVED[path]} {word}".strip() if path in MOVED else None)
            if whole not in there and f"study {moved}" not in there:
                lost.append(whole)
    assert lost == []
    assert set(was["names"]) <= set(now["names"])
    assert all(hasattr(nakaya, name) for name in was["names"])


def write(sections: Sequence[str]) -> None:
    """Set the pins of some sections anew."""
    document = dict(pinned()) if PINS.exists() else {}
    document |= {name: SECTIONS[name]() for name in sections}
    lines = []
    for section in (name for name in SECTIONS if name in document):  # one line for each entry keeps a diff readable
        entries = (f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in document[section].items())
        lines.append(f"{json.dumps(section)}: {{\n" + ",\n".join(entries) + "\n }")
    PINS.write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"] or set(sys.argv[2:]) - set(SECTIONS):
        sys.exit(f"usage: python {Path(__file__).name} --write [SECTION ...]; sections: {', '.join(SECTIONS)}")
    write(sys.argv[2:] or list(SECTIONS))
