"""The dendrite of docs/pictures.md: from outside, and with a corner cut away.

    python examples/dendrite_picture.py --out dendrite.png

It grows an octant of 128 sites a side, which takes a minute, and unfolds it by its mirrors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nakaya import grow
from nakaya.growth.solvers.phase_field.model import DendriteStop
from nakaya.growth.solvers.phase_field.parameters import PhaseField3D
from nakaya.viz.crystals.figure import crystal_figure
from nakaya.viz.style import DARK
from nakaya.workflows.show import view_member

MELT = PhaseField3D(undercooling=0.65, anisotropy=0.06, capillary_length=0.1385, spacing=1.0)


def main() -> None:
    """Grow the crystal and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("dendrite.png"))
    parser.add_argument("--size", type=int, default=128, help="sites along an edge of the octant")
    parser.add_argument("--width", type=int, default=1200, help="pixels across")
    chosen = parser.parse_args()
    stop = DendriteStop(margin=max(1, chosen.size * 5 // 32))
    crystals = grow(MELT, model="phase-field-3d", geometry="octant", size=chosen.size, stop=stop, seed=0)
    picture = crystal_figure(
        [view_member(crystals), view_member(crystals, is_open=True)],
        DARK,
        title=f"Dendrite,  Δ = {MELT.undercooling:g}",
        subtitle="phase field in three dimensions; lengths in sites of W0",
        labels=["from outside", "with one corner cut away"],
        columns=2,
        width=chosen.width,
    )
    picture.save(chosen.out, optimize=True)
    print(f"{picture.width} x {picture.height} pixels, written to {chosen.out}")  # noqa: T201


if __name__ == "__main__":
    main()
