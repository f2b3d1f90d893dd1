"""Readers of files of our own, with sound ones: descriptions, records, graphs, stores, models, studies, results.

A reader imports what it needs when it is first asked, so that a study of one format starts at once.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.fuzz_foreign import grains_picture, ingest_kind, masks, pillow_file
from benchmarks.fuzz_readers import EXAMPLES, Files, Reader, digest_of, made, restated, tree

__all__ = ["OWN"]


# ------------------------------------------------------------------------------------------------------- descriptions

PLAN: Final = """\
version = 1

[[properties]]
material = "Cu"
temperatures = [900, 1300.0]

[[melting]]
material = "Cu"
seeds = 3

[[growth]]
material = "Cu"
orientation = "100"
temperatures = [900, 1300.0]
durations_ps = [100, 200.0]
seeds = 2
first_seed = 1

[[nucleation]]
material = "Al"
temperatures = [440]
seeds = 4
"""


def _toml(*names: str) -> Callable[[], list[Files]]:
    return lambda: [{"a.toml": (EXAMPLES / name).read_bytes()} for name in names]


def _read_plan(folder: Path) -> object:
    from nakaya.md.campaigns.plan import read_plan

    return len(read_plan(folder / "a.toml"))


def _read_sweep(folder: Path) -> object:
    from nakaya.growth.campaigns.config import read_campaign

    return read_campaign(folder / "a.toml")


def _read_training(folder: Path) -> object:
    from nakaya.kinetics.training.training import is_kinetics, read_kinetics_training
    from nakaya.workflows.train_emulator import read_request

    path = folder / "a.toml"
    return read_kinetics_training(path) if is_kinetics(path) else read_request(path)


def _read_study(folder: Path) -> object:
    from nakaya.workflows.tuning.config import read_study

    return read_study(folder / "a.toml").as_plain()


# ------------------------------------------------------------------------------------------------------------ records


def _shipped_records() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder() / "records"
    kinds = ("growth-Cu-100", "melting", "properties-Cu", "nucleation-Al")
    names = [next(iter(sorted(folder.glob(f"{kind}*.json")))) for kind in kinds]
    return [{f"records/{path.name}": path.read_bytes()} for path in names]


def _read_records(folder: Path) -> object:
    from nakaya.records.collection import record_documents, show_records, validate_records
    from nakaya.records.summary import describe_record, summarise_record

    place = folder / "records"
    validate_records(place)
    validate_records(next(iter(place.glob("*.json"))))
    record_documents(place)
    for record in show_records(place):
        summarise_record(record)
        "\n".join(describe_record(record)).encode()
    return None


def _records_with_snapshots() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder() / "records"
    for path in sorted(folder.glob("growth-*.json")):
        shots = json.loads(path.read_bytes())["snapshots"]
        if shots and (folder / shots[0]["path"]).is_file():
            files = {f"records/{shot['path']}": (folder / shot["path"]).read_bytes() for shot in shots}
            return [{f"records/{path.name}": path.read_bytes()} | files]
    return []


def _seal_snapshots(files: Files) -> Files:
    sealed = dict(files)
    for name in [name for name in files if name.endswith(".json") and "/" not in name.removeprefix("records/")]:
        for other in files:
            place = re.escape(other.removeprefix("records/").encode())
            digest = digest_of(files[other])
            sealed[name] = restated(sealed[name], rb'"sha256": ?"', digest, rb"[^{}]*" + place)
            sealed[name] = restated(sealed[name], place + rb'[^{}]*"sha256": ?"', digest)
    return sealed


def _read_graphs(folder: Path) -> object:
    from nakaya.kinetics.graphs.graphs_of_records import graph_records

    return graph_records(str(folder / "records"), ids=(), out=folder / "graphs")


def _cluster_graphs() -> list[Files]:
    def write(folder: Path) -> None:
        (folder / "a.png").write_bytes(pillow_file(grains_picture(), "PNG", "L"))
        (folder / "mask.png").write_bytes(masks()[0]["mask.png"])
        ingest_kind("grains")(folder)

    files = made(write)
    return [{name.removeprefix("out/"): content for name, content in files.items() if name.startswith("out/records/")}]


def _read_clusters(folder: Path) -> object:
    from nakaya.records.clusters_of_record import read_clusters
    from nakaya.records.store import load_records

    place = folder / "records"
    return [read_clusters(record, place) for record in load_records(place)]


def _graph_files() -> list[Files]:
    def write(folder: Path) -> None:
        (files,) = _records_with_snapshots()
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        _read_graphs(folder)

    return [{"a.npz": content} for name, content in made(write).items() if name.startswith("graphs/")]


def _read_graph_file(folder: Path) -> object:
    from nakaya.kinetics.graphs.files import read_sequence

    return read_sequence(folder / "a.npz")


def _patches() -> list[Files]:
    (files,) = _records_with_snapshots()
    return [{"a.npz": content} for name, content in files.items() if name.endswith(".npz")]


def _read_patches(folder: Path) -> object:
    from nakaya.md.patches import read_patches

    return read_patches(folder / "a.npz", "Cu")


# ------------------------------------------------------------------------------------------------------------- stores


def _stores() -> list[Files]:
    import nakaya
    from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata

    rng = np.random.default_rng(5)
    arrival = rng.integers(-1, 300, (2, 2, 9, 9)).astype(np.int32)  # no crystals, but everything that a store may hold
    geometry = {"name": "sector", "size": 9, "initial": [[0, 0]], "stop": {"margin": 5, "max_steps": None}}
    metadata = TrajectoryMetadata("gravner-griffeath", "0123abc", 1, geometry, "0.1.0")
    parameters = {"rho": np.array([0.4, 0.5])}
    steps, codes = np.full((2, 2), 300), np.zeros((2, 2), np.int8)
    grown = [Trajectory(arrival, steps, codes, parameters, metadata, grain) for grain in (None, arrival % 3)]

    def write(number: int) -> Files:
        return made(lambda folder: nakaya.save(grown[number], folder / "a.zarr"))

    return [write(0), write(1)]


def _seal_store(files: Files) -> Files:
    """The hashes of files, and where values are kept as they are, those of values."""
    sealed = dict(files)
    for name in [name for name in files if re.fullmatch(r"a\.zarr/records/\d+\.\d+\.json", name)]:
        text = restated(files[name], rb'"store": ?"', digest_of(files["a.zarr/zarr.json"]))
        for array in ("arrival", "steps", "stop_codes", "grain"):
            chunks = [content for other, content in files.items() if other.startswith(f"a.zarr/{array}/c.")]
            if chunks:
                key = rb'[^{}]*\{[^{}]*"%s": ?' % array.encode()
                text = restated(text, rb'"file_sha256"' + key + rb'"', digest_of(chunks[0]))
                text = re.sub(rb'("file_bytes"' + key + rb")\d+", rb"\g<1>%d" % len(chunks[0]), text)
                if array in ("steps", "stop_codes"):
                    text = restated(text, rb'"sha256"' + key + rb'"', digest_of(chunks[0]))
        sealed[name] = text
    return sealed


def _read_store(folder: Path) -> object:
    from nakaya.growth.store.store import open_store
    from nakaya.growth.store.verification import verify_store

    verify_store(folder / "a.zarr")
    return open_store(folder / "a.zarr").load().arrival.sum()


# ------------------------------------------------------------------------------------------------------------- models


def _emulators() -> list[Files]:
    from nakaya.growth.emulators.cgne.shipped import WEIGHTS

    return [{f"model/{name}": content for name, content in tree(folder).items() if not name.endswith(".py")}
            for folder in sorted(WEIGHTS.iterdir()) if (folder / "config.json").is_file()]  # fmt: skip


def _seal_weights(files: Files) -> Files:
    """In every config.json, the hash of the weights beside it."""
    sealed = dict(files)
    for name in [name for name in files if name.endswith("config.json")]:
        weights = files[str(Path(name).with_name("weights.safetensors"))]
        sealed[name] = restated(files[name], rb'"weights_sha256": ?"', digest_of(weights))
    return sealed


def _read_emulator(folder: Path) -> object:
    from nakaya.workflows.train_emulator import load_emulator

    return load_emulator(folder / "model")


def _kinetics_models() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder("models") / "al-cu-si"
    return [{f"model/{name}": content for name, content in tree(folder).items() if "-B-" not in name}]


def _read_kinetics_model(folder: Path) -> object:
    from nakaya.kinetics.models.msgnn.files import load_predictor
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.reference import read_predictions
    from nakaya.kinetics.prediction.report import read_card

    model = folder / "model"
    card = read_card(model)
    if card.records != "al-cu-si":  # else this takes more than a second, and the same one each time
        load_model(model)
    for path in sorted(model.glob("predictions-*.json")):
        read_predictions(path)
    return [load_predictor(path) for path in model.iterdir() if path.is_dir()]


def _checkpoints() -> list[Files]:
    import torch

    from nakaya.learn.checkpoints import save_state

    state = {"weights": {"a": torch.zeros(3, 2), "b": torch.ones(4)}, "updates": 3, "rate": 0.1, "names": ["x", None]}
    sealed = made(lambda folder: save_state(folder / "a.pt", state, fingerprint="one"))
    unsealed = {name: content[content.index(b"\n") + 1 :] for name, content in sealed.items()}  # of earlier versions
    return [sealed, unsealed]


def _seal_checkpoint(files: Files) -> Files:
    from nakaya.learn.checkpoints import SEAL, SEAL_BYTES

    content = files["a.pt"]
    if not content.startswith(SEAL):
        return files
    inside = content[SEAL_BYTES:]
    return {"a.pt": SEAL + digest_of(inside) + b"\n" + inside}


def _read_checkpoint(folder: Path) -> object:
    from nakaya.learn.checkpoints import load_state

    return load_state(folder / "a.pt", fingerprint="one")


# ------------------------------------------------------------------------------------------------ studies and results


def _tables() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder("trainings")
    return [{"a.json": path.read_bytes()} for path in sorted(folder.glob("*.json"))]


def _read_score_table(folder: Path) -> object:
    from nakaya.learn.tuning.table import read_table

    return read_table(folder / "a.json").scores.mean()


def _databases() -> list[Files]:
    from nakaya.learn.tuning.storage import StorageConfig, open_storage

    def write(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = open_storage(StorageConfig(f"sqlite:///{folder}/study.db"))
            study = _open_study(storage)
            for score in (1.0, 0.5, float("nan")):
                trial = study.ask()
                study.tell(trial, score if score == score else None, state=None if score == score else _failed())
            storage.engine.dispose()

    return [made(write)]


def _failed() -> Any:  # Optuna carries no types
    from optuna.trial import TrialState

    return TrialState.FAIL


@cache
def _problem() -> Any:
    from nakaya.learn.search_space import Parameter
    from nakaya.learn.tuning.problem import Problem

    space = (Parameter("cost", 0.1, 10.0, "log"), Parameter("depth", 1, 5, "integer"))
    return Problem(space, lambda settings: 0.0, (), 1.0)


def _open_study(storage: Any) -> Any:
    from nakaya.learn.tuning.study import open_study

    return open_study(storage, "one", _problem(), sampler="random", seed=0, configuration={"model": "svm", "folds": 4})


def _read_database(folder: Path) -> object:
    from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
    from nakaya.learn.tuning.study import read_trials

    config = StorageConfig(f"sqlite:///{folder}/study.db")
    storage = open_storage(config)
    try:
        with storage_errors(config):  # as everybody does who opens a study
            return read_trials(_open_study(storage), _problem().space)
    finally:
        storage.engine.dispose()


def _results() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder()
    names = ("benchmark.json", "splits.json")
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    tuned = sorted((folder / "tuned").glob("*.json"))
    return [files | {f"tuned/{path.name}": path.read_bytes() for path in tuned[:1]}]


def _read_results(folder: Path) -> object:
    from nakaya.kinetics.benchmark.splits import read_splits
    from nakaya.kinetics.benchmark.table import read_stored
    from nakaya.kinetics.models.tuned import tuned_settings

    for path in sorted((folder / "tuned").glob("*.json")):
        tuned_settings(path.stem, "A", folder / "tuned")
    if (folder / "splits.json").is_file():
        read_splits(folder / "splits.json")
    return read_stored(folder / "benchmark.json")


# ----------------------------------------------------------------------------------------------- markers of own folders


def _markers() -> list[Files]:
    document = {"format": 1, "model": "cgne", "settings": {"updates": 3, "widths": [8, 8]}, "seed": 0}
    return [{"out/configuration.json": json.dumps(document).encode()}]


def _resume(folder: Path) -> object:
    from nakaya.core.resumable import resumable

    wanted = {"model": "cgne", "settings": {"updates": 3, "widths": [8, 8]}, "seed": 0}
    with resumable(folder / "out", wanted, marker="configuration.json", kind="training run"):
        return None


OWN: Final[Mapping[str, Reader]] = {
    "md-plan": Reader(lambda: [{"a.toml": PLAN.encode()}], _read_plan),
    "sweep": Reader(_toml("sweep.toml", "train-cgne-sweep.toml"), _read_sweep),
    "training": Reader(_toml("train-cgne.toml", "train-kinetics.toml"), _read_training),
    "study": Reader(_toml("study-svm.toml", "study-msgnn.toml", "study-msgnn-conditions.toml"), _read_study),
    "records": Reader(_shipped_records, _read_records),
    "record-graphs": Reader(_records_with_snapshots, _read_graphs, seal=_seal_snapshots),
    "cluster-graph": Reader(_cluster_graphs, _read_clusters, seal=_seal_snapshots),
    "graph-file": Reader(_graph_files, _read_graph_file),
    "patches": Reader(_patches, _read_patches),
    "store": Reader(_stores, _read_store, seal=_seal_store),
    "emulator": Reader(_emulators, _read_emulator, seal=_seal_weights),
    "kinetics-model": Reader(_kinetics_models, _read_kinetics_model, seal=_seal_weights),
    "checkpoint": Reader(_checkpoints, _read_checkpoint, seal=_seal_checkpoint),
    "score-table": Reader(_tables, _read_score_table),
    "study-database": Reader(_databases, _read_database),
    "results": Reader(_results, _read_results),
    "marker": Reader(_markers, _resume),
}
"""Name -> reader."""
