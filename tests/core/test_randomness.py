import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.randomness import fair_bits, member_key, noise_words, threefry2x32

UINT32 = st.integers(0, 2**32 - 1)

KNOWN_ANSWERS = [  # Threefry-2x32 with 20 rounds, from the generator's published test vectors
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]

FIVE_SIGMA = 5.0


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN_ANSWERS)
def test_threefry_gives_the_published_answers(key, counter, expected):
    words = threefry2x32(key, tuple(np.array([word], np.uint32) for word in counter))
    assert tuple(int(word[0]) for word in words) == expected


@settings(max_examples=50, deadline=None)
@given(
    key=st.tuples(UINT32, UINT32), step=st.integers(1, 2**32 - 1), rows=st.integers(1, 140), columns=st.integers(1, 90)
)
def test_a_bit_depends_on_its_site_and_not_on_the_lattice(key, step, rows, columns):
    whole = fair_bits(key, step, (140, 90))
    assert (fair_bits(key, step, (rows, columns)) == whole[:rows, :columns]).all()


def test_bits_are_laid_out_as_documented():
    key, step, row, column = (3, 4), 17, 100, 23
    counter = (np.array([step], np.uint32), np.array([2**16 * (row // 64) + column], np.uint32))
    word = threefry2x32(key, counter)[(row % 64) // 32][0]
    assert fair_bits(key, step, (101, 24))[row, column] == bool((int(word) >> (row % 32)) & 1)
    assert noise_words(key, step, 128, 24)[row // 32, column] == word


def test_keys_differ_by_seed_point_member_and_stream():
    keys = {member_key(seed, point, member) for seed in range(4) for point in range(4) for member in range(4)}
    keys.add(member_key(0, 0, 0, stream="other"))
    assert len(keys) == 65
    assert member_key(2**63 - 1, 2**64 - 1, 10**7) == member_key(2**63 - 1, 2**64 - 1, 10**7)


def test_bits_are_fair_and_independent_of_their_neighbours_in_every_direction():
    bits = np.stack([fair_bits(member_key(1, 2, member), step, (96, 96)) for member in range(4) for step in (1, 2, 3)])
    signs = np.where(bits, 1.0, -1.0)
    pairs = {
        "mean": signs,
        "below": signs[:, 1:] * signs[:, :-1],
        "right": signs[:, :, 1:] * signs[:, :, :-1],
        "next word": signs[:, 32:] * signs[:, :-32],
        "next block": signs[:, 64:] * signs[:, :-64],
        "next step": signs[1:] * signs[:-1],
        "next member": signs[3:] * signs[:-3],
    }
    for name, products in pairs.items():
        assert abs(products.mean()) < FIVE_SIGMA / np.sqrt(products.size), name
