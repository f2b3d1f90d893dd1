"""Growth runs to the text of a plan, as `nakaya.md.campaigns.plan` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from nakaya.md.growth import GrowthRun
from nakaya.md.potentials import MATERIALS

__all__ = ["plan_text"]

_DESCRIBED = ("pair_style", "potential", "structure", "lattice_parameter", "melting_point")


def plan_text(runs: Sequence[GrowthRun], potential_sha256: Mapping[str, str] | None = None) -> str:
    """A plan of these runs: one section each, in their order; `read_plan` gives the same runs, seed by seed.

    Args:
        runs: Growth runs; what a plan cannot say of a material (its time step, say) is as `find_material` has it.
        potential_sha256: Material -> hash that the file of its potential must have.
    """
    lines = ["version = 1"]
    for run in runs:
        entries: dict[str, object] = {"material": run.material.name}
        if run.material != MATERIALS.get(run.material.name):
            entries |= {name: getattr(run.material, name) for name in _DESCRIBED}
        if digest := (potential_sha256 or {}).get(run.material.name):
            entries["potential_sha256"] = digest
        entries |= {
            "orientation": run.orientation,
            "temperatures": [run.temperature],
            "durations_ps": [run.duration_ps],
            "solid_fractions": [run.solid_fraction],
            "width": run.width,
            "length": run.length,
            "equilibration_ps": run.equilibration_ps,
            "first_seed": run.seed,
            **({"shear_rates": [run.shear_rate]} if run.shear_rate else {}),
        }
        # Text, numbers and lists of numbers in JSON are the same values in TOML.
        lines += [
            "",
            "[[growth]]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items()),
        ]
    return "\n".join(lines) + "\n"
