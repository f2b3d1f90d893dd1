"""Sequences of graphs on disk: one compressed npz without pickles, the same bytes for the same sequence.

meta            JSON as UTF-8 bytes: schema, version, record_id, number of frames, names of everything
times           float64 [frame]
evidence.times, evidence.values
F.globals       float64 [global] of frame F
F.LEVEL         float32 [node, feature]
F.SOURCE.TARGET.index | .weight | .features
F.carry.LEVEL.index | .weight     from frame F - 1 to frame F
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.archives import pack_arrays, read_arrays
from nakaya.core.errors import FormatError
from nakaya.core.files import write_whole
from nakaya.core.reading import parse_json
from nakaya.kinetics.graphs.graph import Evidence, GraphSequence, Level, MultiscaleGraph, Relation

__all__ = ["VERSION", "read_sequence", "write_sequence"]

SCHEMA = "nakaya-graphs"
VERSION = 1
MAX_BYTES = 4 << 30

_DAMAGE = (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError)
"""What a document that promises other arrays, or is none, raises."""


def write_sequence(sequence: GraphSequence, path: Path) -> None:
    """Write a sequence atomically.

    Raises:
        OutputError: The disk refuses.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "times": sequence.times,
        "evidence.times": sequence.evidence.times,
        "evidence.values": sequence.evidence.values,
    }
    frames = []
    for number, graph in enumerate(sequence.frames):
        arrays[f"{number}.globals"] = graph.global_values
        for name, level in graph.levels.items():
            arrays[f"{number}.{name}"] = level.features
        for (source, target), relation in graph.relations.items():
            _put(arrays, f"{number}.{source}.{target}", relation)
        if number:
            for name, relation in sequence.correspondences[number - 1].items():
                _put(arrays, f"{number}.carry.{name}", relation)
        frames.append(
            {
                "globals": graph.global_names,
                "levels": {name: level.feature_names for name, level in graph.levels.items()},
                "relations": [[*name, entry.feature_names] for name, entry in graph.relations.items()],
                "carries": sorted(sequence.correspondences[number - 1]) if number else [],
            }
        )
    meta = {
        "schema": SCHEMA,
        "version": VERSION,
        "record_id": sequence.record_id,
        "evidence": sequence.evidence.names,
        "frames": frames,
    }
    arrays["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), dtype=np.uint8)
    write_whole(path, pack_arrays(arrays, level=4))


def _put(arrays: dict[str, np.ndarray[Any, Any]], name: str, relation: Relation) -> None:
    arrays[f"{name}.index"], arrays[f"{name}.weight"] = relation.index, relation.weight
    arrays[f"{name}.features"] = relation.features


def read_sequence(path: Path) -> GraphSequence:
    """Read what `write_sequence` wrote.

    Raises:
        InputFileError, FormatError: Missing, damaged, too large, or not a file of graphs.
    """
    arrays = read_arrays(path, most=MAX_BYTES, what="file of graphs")
    try:
        meta = parse_json(arrays["meta"].tobytes(), f"{path}: meta")
        if not isinstance(meta, dict) or meta.get("schema") != SCHEMA or meta.get("version") != VERSION:
            raise FormatError(f"{path} is not a file of graphs of version {VERSION}")
        return _sequence(meta, arrays)
    except _DAMAGE as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} is not a file of graphs: {error}") from None


def _sequence(meta: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> GraphSequence:
    def relation(name: str, source: str, target: str, features: list[str]) -> Relation:
        return Relation(
            source, target, arrays[f"{name}.index"], arrays[f"{name}.weight"], tuple(features),
            arrays[f"{name}.features"],
        )  # fmt: skip

    frames, correspondences = [], []
    for number, entry in enumerate(meta["frames"]):
        levels = {
            name: Level(name, tuple(features), arrays[f"{number}.{name}"]) for name, features in entry["levels"].items()
        }
        relations = {
            (source, target): relation(f"{number}.{source}.{target}", source, target, features)
            for source, target, features in entry["relations"]
        }
        frames.append(MultiscaleGraph(levels, relations, tuple(entry["globals"]), arrays[f"{number}.globals"]))
        if number:
            correspondences.append(
                {name: relation(f"{number}.carry.{name}", name, name, []) for name in entry["carries"]}
            )
    evidence = Evidence(arrays["evidence.times"], tuple(meta["evidence"]), arrays["evidence.values"])
    return GraphSequence(str(meta["record_id"]), arrays["times"], tuple(frames), tuple(correspondences), evidence)
