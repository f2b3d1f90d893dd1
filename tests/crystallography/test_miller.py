"""Miller indices as text: one name for all equivalent planes."""

from __future__ import annotations

from itertools import permutations

import pytest

from nakaya.core.errors import ParameterError
from nakaya.crystallography.miller import hexagonal_plane_family, is_four_index, plane_family


@pytest.mark.parametrize(
    ("indices", "family"),
    [((1, 0, -1, 0), "10-10"), ((1, 1, -2, 0), "11-20"), ((0, 0, 0, 1), "0001"), ((2, 1, -3, 4), "21-34")],
)
def test_equivalent_planes_of_hexagonal_crystals_have_one_name(indices: tuple[int, ...], family: str) -> None:
    """6/mmm permutes the basal indices, changes all of their signs at once, and that of the last one."""
    for basal in permutations(indices[:3]):
        for sign in (1, -1):
            for last in (indices[3], -indices[3]):
                for divisor in (1, 3):
                    plane = [*(sign * divisor * index for index in basal), divisor * last]
                    assert hexagonal_plane_family(" ".join(map(str, plane))) == family
                    if divisor == 1:
                        assert hexagonal_plane_family("(" + "".join(map(str, plane)) + ")") == family


def test_four_indices_are_hexagonal_and_three_are_cubic() -> None:
    assert plane_family("-1010") == "10-10"
    assert plane_family("0 -1 1") == "110"
    assert [is_four_index(text) for text in ("10-10", "1 0 -1 0", "0001", "1-10", "111", "1,1,1")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["10-20", "1x10", "0000", "1.5 0 -1.5 0", "9999 0 -9999 0", "1 0 -1 inf"])
def test_indices_that_do_not_sum_to_zero_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"h \+ k \+ i = 0"):
        hexagonal_plane_family(text)
