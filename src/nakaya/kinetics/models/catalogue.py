"""Which name means which kinetics model. A new model is one folder plus one line here, or a plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from nakaya.core.errors import MissingExtraError, UnknownNameError
from nakaya.core.registry import Registry
from nakaya.kinetics.models.protocol import KineticModel
from nakaya.kinetics.samples.sample import EvidenceKind

__all__ = ["BASELINES", "MODELS", "NETWORKS", "PLUGINS", "Entry", "find_entry", "find_model", "model_names"]


@dataclass(frozen=True)
class Entry:
    """A model before it is loaded.

    Attributes:
        source: "module:function"; the function takes nothing and returns the model.
        evidence: Kinds of evidence that it can use.
        graphs: Whether it looks at graphs: tabular models do not, and graphs take time to build.
        targets: What it can learn; a law is one of a single quantity.
    """

    source: str
    evidence: tuple[EvidenceKind, ...] = ("A", "B")
    graphs: bool = False
    targets: tuple[str, ...] = ("growth_velocity", "nucleation_rate")


_HERE: Final = "nakaya.kinetics.models"
_VELOCITY: Final = ("growth_velocity",)
_RATE: Final = ("nucleation_rate",)

BASELINES: Final[dict[str, Entry]] = {
    "mean": Entry(f"{_HERE}.baselines.closed_forms:make_mean"),
    "arrhenius": Entry(f"{_HERE}.baselines.closed_forms:make_arrhenius", targets=_VELOCITY),
    "collision-limited": Entry(f"{_HERE}.baselines.closed_forms:make_collision_limited", targets=_VELOCITY),
    "wilson-frenkel": Entry(f"{_HERE}.baselines.closed_forms:make_wilson_frenkel", targets=_VELOCITY),
    "growth-law": Entry(f"{_HERE}.baselines.closed_forms:make_growth_law", targets=_VELOCITY),
    "assimilation": Entry(f"{_HERE}.baselines.closed_forms:make_assimilation", targets=_VELOCITY),
    "ridge": Entry(f"{_HERE}.baselines.tabular:make_ridge"),
    "ridge-bond-order": Entry(f"{_HERE}.baselines.tabular:make_ridge_bond_order", ("B",)),
    "svm": Entry(f"{_HERE}.baselines.tabular:make_svm"),
    "ann": Entry(f"{_HERE}.baselines.tabular:make_ann"),
    "svm-on-start": Entry(f"{_HERE}.baselines.tabular:make_svm_on_start", targets=_VELOCITY),
    "ann-on-start": Entry(f"{_HERE}.baselines.tabular:make_ann_on_start", targets=_VELOCITY),
    "extra-trees": Entry(f"{_HERE}.baselines.tabular:make_extra_trees"),
    "boosting": Entry(f"{_HERE}.baselines.tabular:make_boosting"),
    "gp": Entry(f"{_HERE}.baselines.tabular:make_gp"),
    "slope": Entry(f"{_HERE}.baselines.closed_forms:make_slope", ("B",), targets=_VELOCITY),
    "arrhenius-rate": Entry(f"{_HERE}.baselines.closed_forms:make_arrhenius_rate", ("A",), targets=_RATE),
    "nucleation-law": Entry(f"{_HERE}.baselines.closed_forms:make_nucleation_law", ("A",), targets=_RATE),
    "msgnn-no-graph": Entry(f"{_HERE}.msgnn.ensemble:make_no_graph", ("B",), graphs=True),
    "gnn-single-level": Entry(f"{_HERE}.msgnn.ensemble:make_single_level", ("B",), graphs=True),
    # Conditions alone make no graph whose edges between levels could be cut.
    "msgnn-no-cross": Entry(f"{_HERE}.msgnn.ensemble:make_no_cross", ("B",), graphs=True),
}
"""What msgnn has to beat; its own reductions are among them."""

MODELS: Final[dict[str, Entry]] = {**BASELINES, "msgnn": Entry(f"{_HERE}.msgnn.ensemble:make_msgnn", graphs=True)}

NETWORKS: Final = tuple(name for name, entry in MODELS.items() if entry.graphs)


PLUGINS: Final[Registry[Entry]] = Registry("kinetics model", "nakaya.kinetic_models", Entry, {})
"""Models that packages outside bring: an entry point names an `Entry`."""


def model_names() -> tuple[str, ...]:
    """All names, in the order of the tables; those of plug-ins last."""
    return (*MODELS, *(name for name in PLUGINS.names() if name not in MODELS))


def find_entry(name: str) -> Entry:
    """Return what is stated about the model of this name.

    Raises:
        UnknownNameError: There is none.
        PluginError: It belongs to a package that is broken.
    """
    if name in MODELS:
        return MODELS[name]
    if name not in PLUGINS.names():
        raise UnknownNameError("kinetics model", name, model_names())
    return PLUGINS.find(name)


def find_model(name: str) -> KineticModel:
    """Return the model of this name.

    Raises:
        UnknownNameError: There is none.
        MissingExtraError: It needs packages that are not installed.
    """
    module, _, function = find_entry(name).source.partition(":")
    try:
        return cast(KineticModel, getattr(import_module(module), function)())
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("nakaya"):
            raise
        raise MissingExtraError("kinetics models", "ml") from error
