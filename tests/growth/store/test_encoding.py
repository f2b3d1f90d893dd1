from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.encoding import decode_crystals, encode_shard, most_decoded_bytes
from nakaya.growth.store.layout import StoreLayout, make_layout
from nakaya.growth.store.writing import block_of, save_trajectory
from support.memory import traced_memory_below

Maker = Callable[..., Trajectory]
SHARD = (0, 0)


def encoded(make: Maker, members: int = 4) -> tuple[Trajectory, StoreLayout, bytes]:
    crystals = make(3, members)
    layout = replace(make_layout(3, members, (9, 9), ("rho", "sigma")), chunk_members=2)
    return crystals, layout, encode_shard(block_of(crystals), SHARD, layout).files["arrival"]


def decode(content: bytes, layout: StoreLayout) -> np.ndarray:
    everything = np.arange(layout.num_points), np.arange(layout.num_members)
    return decode_crystals(io.BytesIO(content), *everything, layout, "shard")


def test_decoding_undoes_encoding(crystals: Maker) -> None:
    original, layout, content = encoded(crystals)
    assert (decode(content, layout) == original.arrival).all()


def test_the_same_shard_gives_the_same_bytes_whatever_was_encoded_before(crystals: Maker) -> None:
    _, _, first = encoded(crystals)
    other = crystals(5, 7, seed=3)
    encode_shard(block_of(other), SHARD, make_layout(5, 7, (9, 9), ("rho", "sigma")))
    _, _, second = encoded(crystals)
    assert first == second


def test_zarr_reads_what_we_write_without_a_warning(
    crystals: Maker, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    original = crystals(5, 6, grain=True)
    save_trajectory(original, tmp_path / "c.zarr", crystals_per_shard=4)
    group = zarr.open_group(tmp_path / "c.zarr", mode="r")
    assert (group["arrival"][...] == original.arrival).all()
    assert (group["grain"][...] == original.grain).all()
    assert (group["steps"][...] == original.steps).all()
    assert (group["stop_codes"][...] == original.stop_codes).all()
    assert (group["parameters/sigma"][...] == original.parameters["sigma"]).all()
    assert sorted(name for name, _ in group.members()) == [
        "arrival",
        "grain",
        "parameters",
        "records",
        "steps",
        "stop_codes",
    ]
    assert [str(warning.message) for warning in recwarn if "arr" in str(warning.filename)] == []


def test_the_documents_are_those_that_zarr_would_write(crystals: Maker, tmp_path: Path) -> None:
    save_trajectory(crystals(5, 6), tmp_path / "c.zarr")
    for name in ("arrival", "steps", "stop_codes", "parameters/rho"):
        written = json.loads((tmp_path / "c.zarr" / name / "zarr.json").read_text())
        array = zarr.open_array(tmp_path / "c.zarr", path=name, mode="r")
        assert json.loads(json.dumps(array.metadata.to_dict(), default=str)) == written


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_a_damaged_shard_is_refused_or_decodes_to_what_was_written(crystals: Maker, data: st.DataObject) -> None:
    original, layout, content = encoded(crystals)
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        mutated[place] = data.draw(st.integers(0, 255))
    del mutated[data.draw(st.integers(0, len(mutated))) if data.draw(st.booleans()) else len(mutated) :]
    try:
        found = decode(bytes(mutated), layout)
    except FormatError:
        return
    assert (found == original.arrival).all()  # the checksums of zstd and of the index leave no third way


def test_an_index_with_a_right_checksum_may_still_lie(crystals: Maker) -> None:
    _, layout, content = encoded(crystals)
    num_chunks = 6
    start = len(content) - 4 - 16 * num_chunks
    for offset, length in [(2**63, 10), (0, 2**63), (2**64 - 1, 5), (0, 0), (3, start)]:
        index = bytearray(content[start:-4])
        index[:16] = np.array([offset, length], "<u8").tobytes()
        forged = content[:start] + bytes(index) + google_crc32c.value(bytes(index)).to_bytes(4, "little")
        with pytest.raises(FormatError):
            decode(forged, layout)


def test_a_frame_that_claims_more_than_its_bytes_can_hold_is_not_decompressed(crystals: Maker) -> None:
    _, layout, content = encoded(crystals)
    huge = replace(layout, lattice_shape=(6000, 6000))
    assert 3 * 4 * huge.crystal_bytes > most_decoded_bytes(len(content))
    with pytest.raises(FormatError, match="cannot hold"):
        decode(content, huge)


@pytest.mark.parametrize("claimed", [2**40, 2**62, 2**31, 0])
def test_a_frame_that_lies_about_its_size_is_refused_before_anything_is_allocated_for_it(
    crystals: Maker, claimed: int
) -> None:
    """The index, its checksum and the frame's own content are right; its header claims another size (RFC 8878)."""
    _, layout, content = encoded(crystals)
    start = len(content) - 4 - 16 * 6
    index = np.frombuffer(content[start:-4], "<u8").copy()
    offset, length = index[:2].tolist()
    frame = content[offset : offset + length]
    descriptor = frame[4]
    header = 5 + (1 - (descriptor >> 5 & 1)) + (1 if descriptor >> 5 & 1 else 0, 2, 4, 8)[descriptor >> 6]
    # one segment with a size of eight bytes; the checksum flag stays as it is
    liar = frame[:4] + bytes([0b11100000 | descriptor & 4]) + claimed.to_bytes(8, "little") + frame[header:]
    index[:2] = len(content[:start]), len(liar)
    told = index.astype("<u8").tobytes()
    forged = content[:start] + liar + told + google_crc32c.value(told).to_bytes(4, "little")
    with (
        traced_memory_below(2**20),
        pytest.raises(FormatError, match=f"claims {claimed} bytes, not {2 * layout.crystal_bytes}"),
    ):
        decode(forged, layout)
