"""One published run, many readings: what the words of the dextrose source can mean, and what each reading predicts.

The source gives rate laws and conditions, but not what exactly its suspension density, seed loading, seed distribution
and concentration are per. `STATED` is the reading of this project, chosen by what the words say before any comparison;
`READINGS` are all combinations that were tried. Nothing is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ConfigError
from nakaya.reactor.config import read_column_map
from nakaya.reactor.crystallizer import Crystallizer, Operation, Seed
from nakaya.reactor.logs.log import read_log
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.profiles import linear
from nakaya.reactor.rate_equations import Kinetics, Nucleation
from nakaya.reactor.simulate import Method, simulate
from nakaya.reactor.sizes import NormalSizes

__all__ = ["READINGS", "STATED", "Reading", "dextrose_conventions", "dextrose_run", "reactor_conventions"]

DURATION = 24 * 3600.0
_START, _END = 42.0, 33.0  # C, linear in time
_SEED_SHARE = 0.125
_LEAST_SEED = 1e-6  # m: a normal distribution of mass has infinitely many crystals at size zero

SuspensionDensity = Literal["crystals/slurry", "crystals/solution", "crystals/solvent", "percent of slurry"]
SeedLoading = Literal["of slurry", "on solution", "on dissolved dextrose"]
Weight = Literal["number", "mass"]
ConcentrationBasis = Literal["initial-solution", "solution"]


@dataclass(frozen=True)
class Reading:
    """One way to read the source.

    Attributes:
        suspension_density: M_T: crystals per mass of slurry, of solution at the start, of solvent; or in percent.
        seed_loading: 12.5 % of the slurry's mass, or on top of the solution, or of the dissolved dextrose.
        seed_weight: Whether the number or the mass of the seeds is normal in size (115 um, 60 um; cut off at zero).
        concentration: Solute over the mass of solution at the start, or over its present mass; S is c/c* either way.
        initial_concentration: kg/kg.
        celsius_zero: K, added to temperatures in Celsius.
    """

    suspension_density: SuspensionDensity = "crystals/slurry"
    seed_loading: SeedLoading = "of slurry"
    seed_weight: Weight = "number"
    concentration: ConcentrationBasis = "initial-solution"
    initial_concentration: float = 0.67
    celsius_zero: float = 273.0

    def difference(self, other: Reading) -> str:
        """In which entries this reading differs from another, in words ("" where it does not)."""
        names = (entry.name for entry in fields(self))
        changed = [f"{name}={getattr(self, name)}" for name in names if getattr(self, name) != getattr(other, name)]
        return ", ".join(changed)


STATED = Reading()
"""The reading of this project, fixed beforehand."""

READINGS: tuple[Reading, ...] = (
    *(
        Reading(*choice)
        for choice in product(
            get_args(SuspensionDensity), get_args(SeedLoading), get_args(Weight), get_args(ConcentrationBasis)
        )
    ),
    replace(STATED, initial_concentration=0.675),
    replace(STATED, celsius_zero=273.15),
)
"""All that were tried; the stated one comes first."""


def dextrose_run(reading: Reading) -> tuple[Crystallizer, Operation]:
    """Return the published system and run under a reading."""
    published = parameter_set("dextrose")
    assert published.solubility is not None
    name, law = published.kinetics.nucleation[0]
    loading = {
        "of slurry": _SEED_SHARE,
        "on solution": _SEED_SHARE / (1 + _SEED_SHARE),
        "on dissolved dextrose": 1 - 1 / (1 + _SEED_SHARE * reading.initial_concentration),
    }[reading.seed_loading]
    solution = 1.0 - loading
    # The suspension density enters as M_T^j alone: another unit of M_T is another rate constant.
    unit = {
        "crystals/slurry": 1.0,
        "crystals/solution": 1.0 / solution,
        "crystals/solvent": 1.0 / (solution * (1.0 - reading.initial_concentration)),
        "percent of slurry": 100.0,
    }[reading.suspension_density]
    nucleation: Nucleation = replace(law, rate_constant=law.rate_constant * unit**law.suspension_exponent)
    crystallizer = published.crystallizer(
        solubility=replace(published.solubility, zero=reading.celsius_zero, basis=reading.concentration)
    )
    crystallizer = replace(crystallizer, kinetics=Kinetics(published.kinetics.growth, ((name, nucleation),)))
    seed = Seed(loading, NormalSizes(115e-6, 60e-6, reading.seed_weight, _LEAST_SEED * (reading.seed_weight == "mass")))
    cooling = linear(_START + reading.celsius_zero, _END + reading.celsius_zero, DURATION)
    return crystallizer, Operation(reading.initial_concentration, cooling, DURATION, seed)


def root_mean_square_error(
    reading: Reading, times: FloatArray, concentration: FloatArray, *, method: Method = "moments"
) -> float:
    """RMSE of the unfitted prediction under a reading, kg/kg.

    Args:
        reading: What the source's words are taken to mean.
        times: float64 [n], s, increasing, within the 24 h of the run.
        concentration: Measured, float64 [n], kg/kg.
        method: Solver.
    """
    crystallizer, operation = dextrose_run(reading)
    grid = np.unique(np.concatenate([[0.0], times, [DURATION]]))
    predicted = simulate(crystallizer, operation, times=grid, method=method).concentration
    return float(np.sqrt(np.mean((predicted[np.searchsorted(grid, times)] - concentration) ** 2)))


def dextrose_conventions(log: Path, map_file: Path) -> dict[str, Any]:
    """RMSE of the unfitted published kinetics on a measured dextrose run, for every reading of the source.

    Raises:
        ConfigError: The log has no concentration.
    """
    columns = read_column_map(map_file)
    channels = read_log(log, columns).channels
    if "concentration" not in channels:
        raise ConfigError(f"{map_file}: no column is mapped as concentration")
    series = channels["concentration"]
    rows = [
        {
            "reading": reading.difference(STATED) or "stated",
            "rmse": root_mean_square_error(reading, series.times, series.values),
        }
        for reading in READINGS
    ]
    spread = float(np.ptp(series.values))
    stated = float(rows[0]["rmse"])  # type: ignore[arg-type]  # a mixed dictionary
    by_volumes = root_mean_square_error(STATED, series.times, series.values, method="finite-volume")
    return {
        "points": int(series.times.size),
        "range": spread,
        "stated": {
            "suspension_density": "M_T = kg of crystals per kg of slurry; nuclei per kg of slurry",
            "seed_mass": "0.125 kg of seed in 1 kg of slurry, 0.875 kg of solution",
            "seed_distribution": "the number of seeds is normal in size (115 um, 60 um), cut off at zero",
            "concentration": "solute over the mass of solution at the start; S = c/c*; start 0.67",
            "temperature": "T = C + 273",
        },
        "rmse": stated,
        "rmse_finite_volume": by_volumes,
        "fraction_of_range": stated / spread,
        "readings": rows,
    }


def reactor_conventions(
    log: Annotated[Path, typer.Argument(help="Concentration against time of the published dextrose run (24 h), CSV.")],
    column_map: Annotated[Path, typer.Option("--map", help="Column map, TOML.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare the published dextrose kinetics, unfitted, with the measured run under every reading of the source.

    Example: python3 nk.py benchmark reactor-conventions dextrose.csv --map examples/reactor/dextrose.toml
    """
    result = dextrose_conventions(log, column_map)
    if as_json:
        echo_json(result)
        return
    typer.echo("the stated reading, fixed before the comparison:")
    for text in result["stated"].values():
        typer.echo(f"  {text}")
    typer.echo(
        f"RMSE {result['rmse']:.4f} kg/kg over {result['points']} points ({result['fraction_of_range']:.1%} of the "
        f"range); {result['rmse_finite_volume']:.4f} by finite volumes; nothing is fitted"
    )
    typer.echo("\nRMSE / (kg/kg)  every reading tried, by what differs from the stated one")
    for row in result["readings"]:
        typer.echo(f"{row['rmse']:.4f}  {row['reading']}")
