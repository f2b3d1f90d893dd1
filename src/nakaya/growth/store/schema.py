"""Schema versions 1 and 2 of a store: what stands in its JSON files. `docs/store-format.md` is the same in words.

A store is a zarr (version 3) group. The documents that describe its arrays follow from the group's own description, so
a reader compares them with what they must be and believes nothing else that stands in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.documents import Entries
from nakaya.core.errors import FormatError, ParameterError
from nakaya.growth.lattice.geometry import SITE_AXES
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.setup import STOP_REASONS
from nakaya.growth.model.trajectory import FORMAT_VERSION, NEVER, NOT_COMPUTED, FinalField, TrajectoryMetadata
from nakaya.growth.store.layout import MAX_CRYSTALS, MAX_FIELDS, MAX_PARAMETERS, MAX_POINTS, ShardIndex, StoreLayout

__all__ = [
    "GROUP_FILE",
    "RECORDS",
    "ShardRecord",
    "StoreDescription",
    "array_document",
    "array_type",
    "block_arrays",
    "check_values",
    "chunk_file",
    "field_array",
    "group_document",
    "is_on_lattice",
    "is_shard_file",
    "parameter_array",
    "parse_description",
    "parse_record",
    "record_document",
    "record_file",
    "static_documents",
]

FORMAT_NAME = "nakaya trajectories"
GROUP_FILE = "zarr.json"
RECORDS = "records"
PARAMETERS = "parameters"
FIELDS = "fields"

MAX_STEPS = 2**31 - 1
"""Arrival times are int32."""

ZSTD_LEVEL = 3
"""Measured on maps of 64 and 256: plain zstd 3 is smaller than blosc-zstd 3 with byte shuffle, and twice as fast."""

ARRAYS: Mapping[str, tuple[type[np.generic], str]] = {
    "arrival": (np.int32, "step at which the site attached; 0 = initial crystal, -1 = never, -2 = not computed"),
    "grain": (np.int32, "number of the crystal that the site belongs to; -1 = none, -2 = not computed"),
    "steps": (np.int64, "steps until the member stopped; -2 = not computed"),
    "stop_codes": (np.int8, "what stopped the member: 0 = front, 1 = steps, 2 = no-growth; -2 = not computed"),
}
ON_LATTICE = ("arrival", "grain")


@dataclass(frozen=True)
class StoreDescription:
    """What the group of a store says about it.

    Attributes:
        metadata: Where the crystals come from.
        layout: Shape, shards and chunks.
        parameters_sha256: sha256 of each parameter's values (float64, little-endian).
        campaign: The campaign that makes the store, as plain JSON values; None where it was saved in one piece.
    """

    metadata: TrajectoryMetadata
    layout: StoreLayout
    parameters_sha256: Mapping[str, str]
    campaign: Mapping[str, object] | None = None


@dataclass(frozen=True)
class ShardRecord:
    """The status record of a shard that is complete. It is written last: a shard without one is not computed.

    Attributes:
        index: Which shard.
        store: sha256 of the group's `zarr.json`: a shard of another store does not count.
        sha256: For each array, of the decoded values (C order, little-endian, without padding).
        file_bytes: For each array, size of its file.
        file_sha256: For each array, of its file: some bits of a compressed file can change without a change of values.
    """

    index: ShardIndex
    store: str
    sha256: Mapping[str, str]
    file_bytes: Mapping[str, int]
    file_sha256: Mapping[str, str]


def field_array(name: str) -> str:
    """Path of a final field's array inside the store."""
    return f"{FIELDS}/{name}"


def is_on_lattice(name: str) -> bool:
    """Whether an array has the axes of the lattice."""
    return name in ON_LATTICE or name.startswith(f"{FIELDS}/")


def array_type(name: str) -> np.dtype[Any]:
    """Type of the values of an array of which every shard holds a block."""
    return np.dtype(ARRAYS[name][0] if name in ARRAYS else np.float32)


def block_arrays(layout: StoreLayout) -> tuple[str, ...]:
    """The arrays of which every shard holds a block."""
    known = (name for name in ARRAYS if name != "grain" or layout.has_grain)
    return (*known, *(field_array(entry.name) for entry in layout.fields))


def parameter_array(name: str) -> str:
    """Path of a parameter's array inside the store."""
    return f"{PARAMETERS}/{name}"


def chunk_file(name: str, index: ShardIndex, layout: StoreLayout) -> str:
    """Path of the file that holds a shard's block of an array."""
    trailing = (0,) * len(layout.lattice_shape) if is_on_lattice(name) else ()
    return f"{name}/c." + ".".join(str(number) for number in (*index, *trailing))


def record_file(index: ShardIndex) -> str:
    """Path of a shard's record."""
    return f"{RECORDS}/{index[0]}.{index[1]}.json"


def is_shard_file(place: str, layout: StoreLayout) -> bool:
    """Whether a path inside the store is that of a record or of a shard's block of an array."""
    folder, _, name = place.rpartition("/")
    words = name.removeprefix("c.").removesuffix(".json").split(".")
    if len(words) < 2 or not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words[:2]):
        return False
    index = (int(words[0]), int(words[1]))
    if index[0] >= layout.shard_grid[0] or index[1] >= layout.shard_grid[1]:
        return False
    if folder == RECORDS:
        return place == record_file(index)
    return folder in block_arrays(layout) and place == chunk_file(folder, index, layout)


# Documents that are written -------------------------------------------------------------------------------------------


def group_document(description: StoreDescription) -> dict[str, object]:
    """The `zarr.json` of the store."""
    version, layout = description.metadata.format_version, description.layout
    metadata = asdict(description.metadata)
    metadata["geometry"] = dict(description.metadata.geometry)
    del metadata["fields"]  # the layout says what there is
    fields = {"fields": [asdict(entry) for entry in layout.fields]}
    if version == 1:
        del metadata["time_unit"], metadata["length_unit"]
        fields = {}
    attributes = {
        "format": FORMAT_NAME,
        "format_version": version,
        "metadata": metadata,
        "layout": {
            "num_points": layout.num_points,
            "num_members": layout.num_members,
            "lattice_shape": list(layout.lattice_shape),
            "shard": [layout.shard_points, layout.shard_members],
            "chunk_members": layout.chunk_members,
            "parameters": list(layout.parameters),
            "has_point_axis": layout.has_point_axis,
            "has_grain": layout.has_grain,
            **fields,
        },
        "parameters_sha256": dict(description.parameters_sha256),
        "campaign": None if description.campaign is None else dict(description.campaign),
    }
    return {"zarr_format": 3, "node_type": "group", "attributes": {"nakaya": attributes}}


def _subgroup_document(description: str) -> dict[str, object]:
    return {"zarr_format": 3, "node_type": "group", "attributes": {"description": description}}


def array_document(name: str, layout: StoreLayout) -> dict[str, object]:
    """The `zarr.json` of an array of the store."""
    raw, fill, description = _little_endian(array_type(name)), _fill(name), _describe(name, layout)
    shape: tuple[int, ...] = (layout.num_points, layout.num_members)
    chunk: tuple[int, ...] = (layout.shard_points, layout.shard_members)
    axes: tuple[str, ...] = ("point", "member")
    codecs: list[dict[str, object]] = [raw]
    if is_on_lattice(name):
        shape, chunk = (*shape, *layout.lattice_shape), layout.shard_shape
        axes = (*axes, *SITE_AXES[-len(layout.lattice_shape) :])
        codecs = [
            {
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": [1, layout.chunk_members, *layout.lattice_shape],
                    "codecs": [raw, {"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": True}}],
                    "index_codecs": [_little_endian(np.dtype(np.uint64)), {"name": "crc32c"}],
                    "index_location": "end",
                },
            }
        ]
    return _array_document(shape, chunk, array_type(name), fill, codecs, axes, description)


def _fill(name: str) -> object:
    """What stands where nothing was computed."""
    return NOT_COMPUTED if name in ARRAYS else "NaN"


def _describe(name: str, layout: StoreLayout) -> str:
    if name in ARRAYS:
        return ARRAYS[name][1]
    entry = next(entry for entry in layout.fields if field_array(entry.name) == name)
    return f"{entry.meaning} at the end of the growth, unit {entry.unit}; NaN = not defined, or not computed"


def _parameter_document(layout: StoreLayout) -> dict[str, object]:
    kind = np.dtype(np.float64)
    shape = (layout.num_points,)
    description = "value of the parameter at each point, dimensionless unless the model's documentation says otherwise"
    return _array_document(shape, shape, kind, "NaN", [_little_endian(kind)], ("point",), description)


def _little_endian(kind: np.dtype[Any]) -> dict[str, object]:
    return {"name": "bytes", "configuration": {"endian": "little"}} if kind.itemsize > 1 else {"name": "bytes"}


def _array_document(
    shape: tuple[int, ...],
    chunk: tuple[int, ...],
    kind: np.dtype[Any],
    fill: object,
    codecs: list[dict[str, object]],
    axes: tuple[str, ...],
    description: str,
) -> dict[str, object]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": kind.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": fill,
        "codecs": codecs,
        "attributes": {"description": description},
        "dimension_names": list(axes),
        "storage_transformers": [],
    }


def static_documents(layout: StoreLayout) -> dict[str, dict[str, object]]:
    """All JSON files, besides the group's own, that do not depend on what is computed: document by path."""
    documents = {f"{name}/zarr.json": array_document(name, layout) for name in block_arrays(layout)}
    documents[f"{PARAMETERS}/zarr.json"] = _subgroup_document("the parameter points, one array for each parameter")
    for name in layout.parameters:
        documents[f"{parameter_array(name)}/zarr.json"] = _parameter_document(layout)
    if layout.fields:
        documents[f"{FIELDS}/zarr.json"] = _subgroup_document("what is known of every site at the end of the growth")
    documents[f"{RECORDS}/zarr.json"] = _subgroup_document("one JSON record for every shard that is complete")
    return documents


def record_document(record: ShardRecord, layout: StoreLayout) -> dict[str, object]:
    """The record of a shard as a JSON object."""
    points, members = layout.points_of(record.index), layout.members_of(record.index)
    return {
        "shard": list(record.index),
        "points": [points.start, points.stop],
        "members": [members.start, members.stop],
        "status": "complete",
        "store": record.store,
        "sha256": {name: record.sha256[name] for name in block_arrays(layout)},
        "file_bytes": {name: record.file_bytes[name] for name in block_arrays(layout)},
        "file_sha256": {name: record.file_sha256[name] for name in block_arrays(layout)},
    }


# Documents that are read ----------------------------------------------------------------------------------------------

NEW_METADATA_KEYS = ("time_unit", "length_unit")
METADATA_KEYS = tuple(
    entry.name for entry in fields(TrajectoryMetadata) if entry.name not in (*NEW_METADATA_KEYS, "fields")
)
LAYOUT_KEYS = (
    "num_points",
    "num_members",
    "lattice_shape",
    "shard",
    "chunk_members",
    "parameters",
    "has_point_axis",
    "has_grain",
)
ATTRIBUTE_KEYS = ("format", "format_version", "metadata", "layout", "parameters_sha256", "campaign")


def parse_description(content: object, path: Path) -> StoreDescription:
    """Check the `zarr.json` of a store and return what it says.

    Raises:
        FormatError: It describes no store, a store of an unknown version, or contradicts itself.
    """
    document = Entries(content, str(path)).raw()
    attributes = document.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("nakaya"), dict):
        raise FormatError(f"{path.parent} is not a nakaya store: {path.name} does not describe one")
    entries = Entries(attributes["nakaya"], str(path))
    entries.text("format", (FORMAT_NAME,))
    version = entries.whole("format_version", 1, 2**31)
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{path.parent} has format version {version}, this nakaya reads up to {FORMAT_VERSION}: update nakaya"
        )
    if document.get("zarr_format") != 3 or document.get("node_type") != "group":
        raise FormatError(f"{path} does not describe a group of zarr version 3: the file is damaged or foreign")
    entries.only(ATTRIBUTE_KEYS)
    layout = _parse_layout(entries.entries("layout"), version, path)
    metadata = _parse_metadata(entries.entries("metadata"), layout, version, path)
    if metadata.format_version != version:
        raise FormatError(f"{path} says nothing that version {version} is needed for: the file is damaged or foreign")
    digests = entries.entries("parameters_sha256").only(layout.parameters)
    campaign = entries.entries("campaign").raw() if entries.has("campaign") else None
    _check_json(campaign, f"{path}: campaign")
    return StoreDescription(metadata, layout, {name: digests.sha256(name) for name in layout.parameters}, campaign)


def _parse_layout(entries: Entries, version: int, path: Path) -> StoreLayout:
    entries.only(LAYOUT_KEYS if version == 1 else (*LAYOUT_KEYS, "fields"))
    shard_points, shard_members = entries.wholes("shard", 1, MAX_CRYSTALS, range(2, 3))
    try:
        return StoreLayout(
            num_points=entries.whole("num_points", 1, MAX_POINTS),
            num_members=entries.whole("num_members", 1, MAX_CRYSTALS),
            lattice_shape=entries.wholes("lattice_shape", 1, 2**31 - 1, range(2, 4)),
            shard_points=shard_points,
            shard_members=shard_members,
            chunk_members=entries.whole("chunk_members", 1, MAX_CRYSTALS),
            parameters=entries.texts("parameters", MAX_PARAMETERS),
            has_point_axis=entries.truth("has_point_axis"),
            has_grain=entries.truth("has_grain"),
            fields=() if version == 1 else _parse_fields(entries),
        )
    except ParameterError as error:
        raise FormatError(f"{path}: layout: {ascii(str(error))[1:-1]}: the file is damaged or foreign") from error


def _parse_fields(entries: Entries) -> tuple[FinalField, ...]:
    stated = (entry.only(("name", "unit", "meaning")) for entry in entries.each("fields", MAX_FIELDS))
    return tuple(FinalField(entry.text("name"), entry.text("unit"), entry.text("meaning")) for entry in stated)


def _parse_metadata(entries: Entries, layout: StoreLayout, version: int, path: Path) -> TrajectoryMetadata:
    new_keys = NEW_METADATA_KEYS if version > 1 else ()
    entries.only((*METADATA_KEYS, *new_keys))
    geometry = entries.entries("geometry")
    geometry.text("name")
    _check_json(geometry.raw(), f"{path}: geometry")
    if geometry.has("size"):
        size = geometry.whole("size", 1, 2**31 - 1)
        if set(layout.lattice_shape) != {size}:
            raise FormatError(f"{path}: the geometry has size {size}, the arrays have shape {layout.lattice_shape}")
    if geometry.has("shape"):
        shape = geometry.wholes("shape", 1, 2**31 - 1, range(2, 4))
        if layout.lattice_shape != shape:
            raise FormatError(f"{path}: the geometry has shape {shape}, the arrays have {layout.lattice_shape}")
    dimension = entries.whole("dimension", 2, 3)
    if dimension != len(layout.lattice_shape):
        raise FormatError(f"{path}: dimension {dimension} contradicts the lattice shape {layout.lattice_shape}")
    return TrajectoryMetadata(
        model=entries.text("model"),
        model_hash=entries.text("model_hash"),
        seed=entries.whole("seed", 0, 2**63 - 1),
        geometry=geometry.raw(),
        package_version=entries.text("package_version"),
        family=entries.text("family"),
        lattice=entries.text("lattice", tuple(LATTICES)),
        dimension=dimension,
        step_duration=entries.positive_or_null("step_duration"),
        site_spacing=entries.positive_or_null("site_spacing"),
        time_resolution=entries.whole("time_resolution", 1, MAX_STEPS),
        fields=layout.fields,
        **{key: entries.text(key) for key in new_keys},
    )


def _check_json(document: object, where: str) -> None:
    try:
        json.dumps(document, allow_nan=False)
    except ValueError as error:
        raise FormatError(f"{where} holds a number that is not finite") from error


def parse_record(document: object, index: ShardIndex, layout: StoreLayout, path: Path) -> ShardRecord:
    """Check the record of a shard and return what it says.

    Raises:
        FormatError: It is not the record of this shard of a store of this layout.
    """
    arrays = block_arrays(layout)
    entries = Entries(document, str(path)).only(
        ("shard", "points", "members", "status", "store", "sha256", "file_bytes", "file_sha256")
    )
    digests, sizes = entries.entries("sha256").only(arrays), entries.entries("file_bytes").only(arrays)
    file_digests = entries.entries("file_sha256").only(arrays)
    record = ShardRecord(
        index,
        entries.sha256("store"),
        {name: digests.sha256(name) for name in arrays},
        {name: sizes.whole(name, 1, 2**40) for name in arrays},
        {name: file_digests.sha256(name) for name in arrays},
    )
    if document != record_document(record, layout):
        raise FormatError(f"{path} is not the record of shard {index[0]}.{index[1]}: the file is damaged or foreign")
    return record


def check_values(
    steps: NDArray[np.int64],
    stop_codes: NDArray[np.int8],
    arrival: NDArray[np.int32] | None = None,
    grain: NDArray[np.int32] | None = None,
    fields: Mapping[str, NDArray[np.float32]] | None = None,
) -> str | None:
    """Say what is impossible about the values of some crystals, or return None.

    Args:
        steps: int64 [*crystals], not empty.
        stop_codes: int8 [*crystals].
        arrival: int32 [*crystals, *lattice], where it is known.
        grain: int32 [*crystals, *lattice], where it is known.
        fields: float32 [*crystals, *lattice] by name, where they are known.
    """
    if steps.min() < 0 or steps.max() > MAX_STEPS:
        return f"steps from {steps.min()} to {steps.max()} are not from 0 to {MAX_STEPS}"
    if stop_codes.min() < 0 or stop_codes.max() >= len(STOP_REASONS):
        return f"stop codes from {stop_codes.min()} to {stop_codes.max()} are not from 0 to {len(STOP_REASONS) - 1}"
    if arrival is not None:
        lattice = tuple(range(steps.ndim, arrival.ndim))
        if arrival.min() < NEVER or (arrival.max(axis=lattice) > steps).any():
            return "arrival times are not from -1 to the number of steps"
    if grain is not None and grain.min() < -1:
        return "grain numbers are below -1"
    for name, values in (fields or {}).items():
        if np.isinf(values).any():
            return f"field {name} is infinite"
    return None
