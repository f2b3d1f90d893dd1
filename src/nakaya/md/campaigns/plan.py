"""Plans of campaigns: a TOML file becomes a list of runs, in the order in which they are most useful.

    version = 1

    [[properties]]
    material = "Cu"
    temperatures = [796, 1009, 1327]

    [[melting]]
    material = "Cu"
    lengths = [100, 200]

    [[growth]]
    material = "Cu"
    orientation = "100"
    temperatures = [1009, 1221]
    durations_ps = [30, 60]
    seeds = 3

    [[nucleation]]
    material = "Cu"
    temperatures = [650]
    shear_rates = [0, 1e10]
    seeds = 20

    [[seeding]]
    material = "Cu"
    temperatures = [914]
    sizes = [60, 100, 160]
    shapes = ["sphere", "twin"]
    branches = 4
    seeds = 5

First all properties, then melting points and what counts as solid where crystallites are put into melts, then seed 0 of
every growth run, then quenches and crystallites, seed by seed. A section with
`first_seed = 5` begins with that seed instead of 0: replicates added later, in place of runs that were lost.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field

from nakaya.core.configuration import Table, read_toml
from nakaya.core.errors import ConfigError
from nakaya.crystallography.lattices import simplest_face
from nakaya.md.growth import GrowthRun
from nakaya.md.limits import within
from nakaya.md.melting import MeltingRun
from nakaya.md.nucleation import NucleationRun
from nakaya.md.potentials import find_material
from nakaya.md.properties import PropertiesRun
from nakaya.md.seeding.run import SeedingRun, thresholds_for
from nakaya.md.seeding.thresholds import ThresholdRun

__all__ = ["Run", "read_plan"]

Run: TypeAlias = PropertiesRun | MeltingRun | ThresholdRun | GrowthRun | NucleationRun | SeedingRun

MAX_RUNS = 100_000


def _limited(name: str) -> AfterValidator:
    return AfterValidator(partial(within, name))


_Kelvin = Annotated[float, _limited("temperature")]
_Duration = Annotated[float, _limited("duration_ps")]
_Length = Annotated[float, _limited("length")]
_Shear = Annotated[float, _limited("shear_rate")]
_Width = Annotated[float, _limited("width")]
_Count = Annotated[int, Field(ge=1, le=10_000)]


class _Section(Table):
    material: str
    pair_style: str | None = None
    potential: str | None = None
    potential_sha256: str | None = None
    structure: str | None = None
    lattice_parameter: float | None = None
    melting_point: float | None = None
    axial_ratio: float | None = None
    seeds: _Count = 1
    first_seed: Annotated[int, Field(ge=0, le=10_000)] = 0

    def seed_numbers(self) -> range:
        return range(self.first_seed, self.first_seed + self.seeds)

    def found(self) -> Any:  # a Material; pydantic cannot hold it as a field
        return find_material(
            self.material, pair_style=self.pair_style, potential=self.potential, structure=self.structure,
            lattice_parameter=self.lattice_parameter, melting_point=self.melting_point, axial_ratio=self.axial_ratio,
            potential_sha256=self.potential_sha256,
        )  # fmt: skip


class _Properties(_Section):
    temperatures: list[_Kelvin] = Field(min_length=1)
    cells: Annotated[int, Field(ge=2, le=40)] = 5
    duration_ps: _Duration = 20.0

    def runs(self) -> list[PropertiesRun]:
        return [
            PropertiesRun(self.found(), temperature, seed, self.cells, self.duration_ps)
            for seed in self.seed_numbers()
            for temperature in self.temperatures
        ]


class _Melting(_Section):
    orientation: str | None = None
    lengths: list[_Length] = Field(default=[100.0, 200.0], min_length=1)
    guess: _Kelvin | None = None
    width: _Width = 16.0
    duration_ps: _Duration = 150.0

    def runs(self) -> list[MeltingRun]:
        material = self.found()
        face = self.orientation or simplest_face(material.structure)
        return [
            MeltingRun(material, face, length, self.guess, seed, self.width, duration_ps=self.duration_ps)
            for seed in self.seed_numbers()
            for length in self.lengths
        ]


class _Growth(_Section):
    orientation: str
    temperatures: list[_Kelvin] = Field(min_length=1)
    durations_ps: tuple[_Duration, ...] = Field(min_length=1)
    solid_fractions: tuple[Annotated[float, _limited("solid_fraction")], ...] = (0.3,)
    width: _Width = 16.0
    length: _Length = 200.0
    equilibration_ps: Annotated[float, _limited("equilibration_ps")] = 10.0
    shear_rates: list[_Shear] = Field(default=[0.0], min_length=1)

    def runs(self) -> list[GrowthRun]:
        count = len(self.temperatures)
        for name in ("durations_ps", "solid_fractions"):
            if len(getattr(self, name)) not in (1, count):
                raise ConfigError(f"[[growth]] {name} has {len(getattr(self, name))} entries: give 1, or {count}")
        durations = self.durations_ps * (count if len(self.durations_ps) == 1 else 1)
        fractions = self.solid_fractions * (count if len(self.solid_fractions) == 1 else 1)
        return [
            GrowthRun(
                self.found(), self.orientation, temperature, seed, self.width, self.length, fraction,
                equilibration_ps=self.equilibration_ps, duration_ps=duration, shear_rate=shear_rate,
            )
            for seed in self.seed_numbers()
            for temperature, duration, fraction in zip(self.temperatures, durations, fractions, strict=True)
            for shear_rate in self.shear_rates
        ]  # fmt: skip


class _Nucleation(_Section):
    temperatures: list[_Kelvin] = Field(min_length=1)
    cells: Annotated[int, Field(ge=4, le=60)] = 10
    duration_ps: _Duration = 300.0
    shear_rates: list[_Shear] = Field(default=[0.0], min_length=1)

    def runs(self) -> list[NucleationRun]:
        return [
            NucleationRun(self.found(), temperature, seed, self.cells, self.duration_ps, shear_rate)
            for seed in self.seed_numbers()
            for temperature in self.temperatures
            for shear_rate in self.shear_rates
        ]


class _Seeding(_Section):
    temperatures: list[_Kelvin] = Field(min_length=1)
    sizes: list[int] = Field(min_length=1)
    shapes: list[str] = Field(default=["sphere"], min_length=1)
    branches: int = SeedingRun.branches
    cells: int | None = SeedingRun.cells
    duration_ps: float = SeedingRun.duration_ps
    longest_ps: float = SeedingRun.longest_ps

    def runs(self) -> list[SeedingRun]:
        return [
            SeedingRun(
                self.found(), temperature, size, shape, seed, self.branches, self.cells, self.duration_ps,
                self.longest_ps,
            )
            for seed in self.seed_numbers()
            for temperature in self.temperatures
            for shape in self.shapes
            for size in self.sizes
        ]  # fmt: skip


class _Plan(Table):
    version: int | None = Field(default=None, ge=1, le=1)
    properties: tuple[_Properties, ...] = ()
    melting: tuple[_Melting, ...] = ()
    growth: tuple[_Growth, ...] = ()
    nucleation: tuple[_Nucleation, ...] = ()
    seeding: tuple[_Seeding, ...] = ()


def read_plan(path: Path) -> list[Run]:
    """Read a plan.

    Returns:
        Its runs: properties, melting points, thresholds, then growth, nucleation and seeding seed by seed. Ids are
        unique.

    Raises:
        InputFileError: The file cannot be read.
        ConfigError: It is not TOML, or has an unknown, missing or wrong entry; the nearest known name is given.
    """
    plan = read_toml(path, _Plan)
    if plan.version is None:
        raise ConfigError(f"{path}: 'version' is missing: a plan begins with version = 1")
    return _ordered(plan, path)


def _ordered(plan: _Plan, path: Path) -> list[Run]:
    runs: list[Run] = [run for section in plan.properties for run in section.runs()]
    runs += [run for section in plan.melting for run in section.runs()]
    crystallites = [run for section in plan.seeding for run in section.runs()]
    runs += thresholds_for(crystallites)
    growth: list[Run] = [run for section in plan.growth for run in section.runs()]
    quenches: list[Run] = [run for section in plan.nucleation for run in section.runs()]
    seeds = sorted({run.seed for run in [*growth, *quenches, *crystallites]})
    for seed in seeds:
        runs += [run for run in growth if run.seed == seed]
        runs += [run for run in quenches if run.seed == seed]
        runs += [run for run in crystallites if run.seed == seed]
    if not runs:
        sections = ", ".join(f"[[{name}]]" for name in _Plan.model_fields if name != "version")
        raise ConfigError(f"{path} plans no runs: add one of {sections}")
    if len(runs) > MAX_RUNS:
        raise ConfigError(f"{path} plans {len(runs)} runs, more than {MAX_RUNS}")
    ids = [run.id for run in runs]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ConfigError(f"{path} plans the same run twice: {', '.join(twice[:3])}")
    return runs
