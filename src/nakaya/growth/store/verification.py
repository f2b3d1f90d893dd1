"""Is a store what it says? Every file is read and compared with the records."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, NakayaError
from nakaya.core.files import final_name, is_litter
from nakaya.core.provenance import sha256_of_file
from nakaya.core.reading import MAX_DOCUMENT_BYTES, read_bounded
from nakaya.growth.store.layout import ShardIndex
from nakaya.growth.store.reading import ShardReader
from nakaya.growth.store.schema import (
    GROUP_FILE,
    StoreDescription,
    block_arrays,
    chunk_file,
    is_shard_file,
    parameter_array,
    record_file,
    static_documents,
)
from nakaya.growth.store.store import read_description, read_parameters

__all__ = ["Verification", "damaged_documents", "is_intact", "verify_store"]


@dataclass(frozen=True)
class Verification:
    """What was found in a store.

    Attributes:
        path: The store.
        num_shards: Shards that it shall have.
        intact: Shards that are what their records say.
        missing: Shards without a record: not computed yet, or lost.
        damaged: Why a shard is not what its record says, by shard.
        damaged_documents: Why a description or a parameter is not what it must be, by file.
        foreign: Files that do not belong there.
        leftovers: Files that a killed writer left; harmless, and removed by the next writer.
    """

    path: Path
    num_shards: int
    intact: tuple[ShardIndex, ...]
    missing: tuple[ShardIndex, ...]
    damaged: Mapping[ShardIndex, str] = field(default_factory=dict)
    damaged_documents: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged or foreign; the store may still be incomplete."""
        return not (self.damaged or self.damaged_documents or self.foreign)

    @property
    def is_complete(self) -> bool:
        """Whether every shard is there and intact."""
        return len(self.intact) == self.num_shards


def verify_store(path: str | PathLike[str], progress: Callable[[int, int], None] | None = None) -> Verification:
    """Read all of a store and compare every shard with its record; nothing is changed.

    Args:
        path: A store, of a campaign or saved in one piece.
        progress: Called after each shard with the number that are read, and of all.

    Raises:
        InputFileError: There is no store.
        FormatError: It is no store, or its own description is damaged.

    >>> import tempfile, nakaya
    >>> path = tempfile.mkdtemp() + "/flakes.zarr"
    >>> nakaya.save(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7), path)
    >>> verify_store(path).is_sound
    True
    """
    path = Path(path)
    description, digest = read_description(path)
    layout = description.layout
    reader = ShardReader(path, layout, digest)
    intact, missing, damaged = [], [], {}
    for number, index in enumerate(layout.shards(), start=1):
        if not os.path.lexists(path / record_file(index)):
            missing.append(index)
        else:
            fault = _fault_of(reader, index)
            if fault is None:
                intact.append(index)
            else:
                damaged[index] = fault
        if progress is not None:
            progress(number, layout.num_shards)
    foreign, leftovers = _strangers(path, description)
    return Verification(
        path,
        layout.num_shards,
        tuple(intact),
        tuple(missing),
        damaged,
        damaged_documents(path, description),
        foreign,
        leftovers,
    )


def _fault_of(reader: ShardReader, index: ShardIndex) -> str | None:
    try:
        record = reader.record(index)
        if reader.whole_block(index).sha256() != record.sha256:
            return "altered: the values are not those that were written (sha256)"
        for name in block_arrays(reader.layout):
            if sha256_of_file(reader.path / chunk_file(name, index, reader.layout)) != record.file_sha256[name]:
                return f"altered: the values are right, but {name} has other bytes than were written (sha256)"
    except NakayaError as error:
        return str(error)
    return None


def is_intact(reader: ShardReader, index: ShardIndex) -> bool:
    """Whether a shard has a sound record and files of the recorded sizes: a quick look that reads no crystals."""
    try:
        record = reader.record(index)
    except NakayaError:
        return False
    files = {name: reader.path / chunk_file(name, index, reader.layout) for name in block_arrays(reader.layout)}
    return all(file.is_file() and file.stat().st_size == record.file_bytes[name] for name, file in files.items())


def damaged_documents(path: Path, description: StoreDescription) -> dict[str, str]:
    """Say what is wrong with the descriptions of the arrays and with the parameters, by file."""
    damaged = {}
    for name, document in static_documents(description.layout).items():
        try:
            if read_bounded(path / name, MAX_DOCUMENT_BYTES) != dump_json(document):
                raise FormatError(f"{path / name} is not as it was written")
        except NakayaError as error:
            damaged[name] = str(error)
    for name in description.layout.parameters:
        try:
            read_parameters(path, description, (name,))
        except NakayaError as error:
            damaged[f"{parameter_array(name)}/c.0"] = str(error)
    return damaged


def _strangers(path: Path, description: StoreDescription) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Files that the schema does not know, and parts that a killed writer left."""
    layout = description.layout
    files = {GROUP_FILE, *static_documents(layout), *(f"{parameter_array(name)}/c.0" for name in layout.parameters)}
    directories = {str(parent) for name in files for parent in Path(name).parents}
    foreign: list[str] = []
    leftovers: list[str] = []

    def is_file_of_ours(place: str) -> bool:
        return place in files or is_shard_file(place, layout)

    for root, directory_names, file_names in os.walk(path):
        here = Path(root).relative_to(path)
        for name in (*directory_names, *file_names):
            place = (here / name).as_posix()
            mode = (path / place).lstat().st_mode
            if stat.S_ISREG(mode) and (is_file_of_ours(place) or is_litter(name)):
                continue
            if stat.S_ISDIR(mode) and place in directories:
                continue
            whole = final_name(name)
            is_part = stat.S_ISREG(mode) and whole is not None and is_file_of_ours((here / whole).as_posix())
            (leftovers if is_part else foreign).append(place)
        directory_names[:] = [name for name in directory_names if (here / name).as_posix() in directories]
    return tuple(sorted(foreign)), tuple(sorted(leftovers))
