"""Make the two synthetic batches of this folder: known kinetics, known noise, so that a fit can be checked.

    python examples/reactor/make_synthetic.py FOLDER

writes FOLDER/batch-slow.csv and FOLDER/batch-fast.csv. The kinetics are the published dextrose set; concentration has a
noise of 0.002 kg/kg, mean size of 3 um, the number of crystals of 5 %, temperature of 0.02 C. `fit.toml` fits them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from nakaya.reactor.crystallizer import Operation, Seed
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.profiles import piecewise
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes

HOUR = 3600.0
BATCHES = {
    "slow": (0.125, [(0.0, 42.0), (2.0, 42.0), (24.0, 33.0)]),
    "fast": (0.05, [(0.0, 42.0), (10.0, 27.0), (24.0, 27.0)]),
}


def main(folder: Path) -> None:
    """Simulate both batches, add noise, write them."""
    dextrose = parameter_set("dextrose").crystallizer()
    for number, (name, (loading, cooling)) in enumerate(BATCHES.items()):
        temperature = piecewise([(hours * HOUR, celsius + 273.15) for hours, celsius in cooling])
        seed = Seed(loading, NormalSizes(115e-6, 60e-6))
        run = simulate(dextrose, Operation(0.67, temperature, 24 * HOUR, seed), times=49)
        rng = np.random.default_rng([2012, number])
        count = run.times.size
        columns = np.column_stack(
            [
                run.times / HOUR,
                run.temperature - 273.15 + 0.02 * rng.standard_normal(count),
                run.concentration + 0.002 * rng.standard_normal(count),
                1e6 * run.mean_sizes["L43"] + 3.0 * rng.standard_normal(count),
                run.moments[:, 0] * np.exp(0.05 * rng.standard_normal(count)),
            ]
        )
        np.savetxt(
            folder / f"batch-{name}.csv",
            columns,
            fmt=["%.2f", "%.2f", "%.4f", "%.1f", "%.4g"],
            delimiter=",",
            header="time_h,temperature_C,concentration,mean_size_um,crystals_per_kg",
            comments="",
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
