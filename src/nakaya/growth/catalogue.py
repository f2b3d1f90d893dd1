"""Which name means which model. A new model is one folder plus one line here.

A package outside adds a model by the entry point group "nakaya.growers": name = "package.module:MODEL", where `MODEL`
is a `GrowerModel`. A model is imported only when it is asked for.
"""

from __future__ import annotations

from nakaya.core.errors import MissingExtraError, PluginError, UnknownNameError
from nakaya.core.registry import Registry
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.trajectory import TrajectoryMetadata

__all__ = ["DEFAULT_MODEL", "MODELS", "find_grower", "find_model", "grower_names", "model_of", "version_of"]

DEFAULT_MODEL = "gravner-griffeath"

_SOLVERS, _EMULATORS = "nakaya.growth.solvers", "nakaya.growth.emulators"

MODELS: Registry[GrowerModel] = Registry(
    "model",
    "nakaya.growers",
    GrowerModel,
    {
        DEFAULT_MODEL: f"{_SOLVERS}.gravner_griffeath.model:MODEL",
        "gravner-griffeath-reference": f"{_SOLVERS}.gravner_griffeath.model:REFERENCE",
        "gravner-griffeath-uncertain": f"{_SOLVERS}.gravner_griffeath.uncertain:UNCERTAIN",
        "phase-field": f"{_SOLVERS}.phase_field.model:MODEL",
        "phase-field-3d": f"{_SOLVERS}.phase_field.model:MODEL_3D",
        "phase-field-reference": f"{_SOLVERS}.phase_field.model:REFERENCE",
        "phase-field-3d-reference": f"{_SOLVERS}.phase_field.model:REFERENCE_3D",
        "grains": f"{_SOLVERS}.grains.model:MODEL",
        "grains-3d": f"{_SOLVERS}.grains.model:MODEL_3D",
        "grains-reference": f"{_SOLVERS}.grains.model:REFERENCE",
        "grains-3d-reference": f"{_SOLVERS}.grains.model:REFERENCE_3D",
        "grains-dendritic": f"{_SOLVERS}.grains.model:DENDRITIC",
        "grains-dendritic-3d": f"{_SOLVERS}.grains.model:DENDRITIC_3D",
        "grains-dendritic-reference": f"{_SOLVERS}.grains.model:DENDRITIC_REFERENCE",
        "grains-dendritic-3d-reference": f"{_SOLVERS}.grains.model:DENDRITIC_3D_REFERENCE",
        "alloy": f"{_SOLVERS}.alloy.model:MODEL",
        "alloy-directional": f"{_SOLVERS}.alloy.model:DIRECTIONAL",
        "alloy-reference": f"{_SOLVERS}.alloy.model:REFERENCE",
        "alloy-directional-reference": f"{_SOLVERS}.alloy.model:DIRECTIONAL_REFERENCE",
        "cgne-small-rho": f"{_EMULATORS}.cgne.shipped:SMALL_RHO",
    },
)
"""What the models say about themselves, by name."""


def grower_names() -> tuple[str, ...]:
    """The names that `nakaya.grow(model=...)` accepts, sorted."""
    return MODELS.names()


def find_model(name: str) -> GrowerModel:
    """Return the statement of the model of this name.

    Raises:
        UnknownNameError: There is none.
        PluginError: It belongs to a package that is broken.
    """
    return MODELS.find(name)


def find_grower(name: str) -> Grower:
    """Return the grower of this name.

    Raises:
        UnknownNameError: There is none.
        PluginError: It belongs to a package that is broken.
        MissingExtraError: It needs packages that are not installed.
    """
    return find_model(name).make()


def version_of(metadata: TrajectoryMetadata) -> str:
    """Return in words what version of what package grew a trajectory; the number of a plug-in's own is not stored."""
    package = MODELS.package_of(metadata.model)
    return f"nakaya {metadata.package_version}" if package is None else f"the version of {package} that grew it"


def model_of(metadata: TrajectoryMetadata) -> GrowerModel | None:
    """Return the model that made a trajectory, else one of the same parameters; None where neither is installed."""
    try:
        named = MODELS.find(metadata.model)
        if named.family.family == metadata.family:
            return named
    except (UnknownNameError, PluginError, MissingExtraError):
        pass
    same = (model for model in MODELS.load_all().values() if model.family.family == metadata.family)
    return next(same, None)
