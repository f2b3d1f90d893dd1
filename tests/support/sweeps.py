"""A sweep that grows in no time: small crystals by the reference, two members at each point, two crystals a shard."""

from __future__ import annotations

__all__ = ["small_sweep"]


def small_sweep(points: int, *, method: str = "uniform", low: float = 0.55) -> str:
    """Return the sweep as TOML.

    Args:
        points: How many.
        method: How they are drawn.
        low: The least rho.
    """
    return f"""
model = "gravner-griffeath-reference"
members = 2
seed = 7
[lattice]
size = 10
[stop]
margin = 3
[points]
method = "{method}"
count = {points}
[points.vary]
rho = {{ low = {low}, high = 0.64 }}
[store]
crystals_per_shard = 2
"""
