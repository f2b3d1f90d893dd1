"""Predictions for orientations and temperatures as arrays: the everyday way to ask a model of kinetics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.prediction.model import DEFAULT_MODEL, KineticsModel, load_model
from nakaya.kinetics.prediction.ranges import common_wording, predict_range
from nakaya.kinetics.prediction.rates import NucleationConditions
from nakaya.kinetics.prediction.report import UNITS

__all__ = ["PredictedQuantity", "Predictions", "predict"]


@dataclass(frozen=True, eq=False)
class PredictedQuantity:
    """One quantity under every condition; all arrays have the shape of the conditions.

    Attributes:
        values: float64, in `unit`; NaN where nothing is predicted, and `Predictions.warnings` say why.
        low: Lower end of the 90 % interval, float64.
        high: Upper end, float64.
        unit: SI.
        outside_training: Whether the model was not trained under such a condition, bool.
    """

    values: FloatArray
    low: FloatArray
    high: FloatArray
    unit: str
    outside_training: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says under all combinations of some orientations and temperatures.

    Attributes:
        material: Chemical symbol.
        orientations: Miller indices; (None,) where none was given.
        temperatures: float64 [t], K.
        growth_velocity: Of the interface between crystal and melt, m/s; negative where it melts.
        nucleation_rate: 1/(m^3 s).
        nucleation_density: Grains in a volume once it is solid, 1/m^3.
        characteristic_length: At which grains meet, m.
        warnings: Text -> the conditions that it is about, bool.
        potential: Name of the file of the interatomic potential that it is a prediction of; None = not stated.

    >>> import nakaya
    >>> answer = nakaya.predict("Al", 640, "100")
    >>> answer.potential, bool(answer.nucleation_rate.low < answer.nucleation_rate.high)
    ('Al_mm.eam.fs', True)
    """

    material: str
    orientations: tuple[str | None, ...]
    temperatures: FloatArray
    growth_velocity: PredictedQuantity
    nucleation_rate: PredictedQuantity
    nucleation_density: PredictedQuantity
    characteristic_length: PredictedQuantity
    warnings: Mapping[str, NDArray[np.bool_]]
    potential: str | None


def predict(
    material: str,
    temperature: ArrayLike,
    orientation: str | Sequence[str] | None = None,
    *,
    model: str | Path | KineticsModel = DEFAULT_MODEL,
    nucleation: NucleationConditions | None = None,
) -> Predictions:
    """Predict growth velocity, nucleation rate and what follows from them, with 90 % intervals.

    Evidence is the conditions alone (evidence A); `predict_records` and `predict_trajectory` of
    `nakaya.kinetics.prediction.predicting` look at simulations too. Intervals hold the measured value in nine of ten
    cases where `outside_training` is false. A prediction is of the potential of the training, not of the element.

    Args:
        material: Chemical symbol, of those that the model knows.
        temperature: K; one, or float [t].
        orientation: Miller indices of the interface, such as "100"; one, or several; None: no growth velocity.
        model: Name of a shipped model, folder of a trained one, or one that `load_model` has read: reading takes about
            a second, so read it once to ask often.
        nucleation: Particles in the melt on which crystals appear, `nakaya.NucleationConditions`; None: there are none.

    Returns:
        Arrays of shape [orientation, temperature]; an axis is missing where one thing was given and not a sequence.

    Raises:
        ParameterError: A temperature far from the melting point, planes that are none, or more than 2,000 conditions.
        UntrainedMaterialError: The records of the model know nothing of the material.
        UnknownNameError: No such model; or the material is the name of an element that they know by its symbol.

    >>> import nakaya
    >>> answer = nakaya.predict("Cu", [1000.0, 1100.0, 1200.0], "100")
    >>> velocity = answer.growth_velocity
    >>> velocity.values.shape, velocity.unit, bool((velocity.low < velocity.values).all())
    ((3,), 'm/s', True)
    >>> bool(velocity.values[0] > velocity.values[2])  # nearer to the melting point, 1329 K, it is slower
    True
    >>> nakaya.predict("Cu", [1000.0, 1200.0], ["100", "111"]).growth_velocity.values.shape
    (2, 2)
    """
    temperatures = np.asarray(temperature, dtype=np.float64)
    if temperatures.ndim > 1 or temperatures.size == 0:
        raise ParameterError(f"temperature has the shape {temperatures.shape}: give one in K, or a list of them")
    orientations = (orientation,) if orientation is None or isinstance(orientation, str) else tuple(orientation)
    if not orientations:
        raise ParameterError('orientation is empty: give "100", a list of them, or None')
    axis = () if orientation is None or isinstance(orientation, str) else (len(orientations),)
    shape = (*axis, *temperatures.shape)
    loaded = model if isinstance(model, KineticsModel) else load_model(model)
    kelvins = np.atleast_1d(temperatures).tolist()
    documents = predict_range(material, orientations, kelvins, model=loaded, nucleation=nucleation)
    told = [{common_wording(warning, entry) for warning in entry["warnings"]} for entry in documents]
    texts = dict.fromkeys(common_wording(warning, entry) for entry in documents for warning in entry["warnings"])
    potential = documents[0]["potential"]
    return Predictions(
        material=material,
        orientations=orientations,
        temperatures=np.atleast_1d(temperatures),
        **{name: _quantity(name, documents, shape) for name in UNITS},
        warnings={text: np.array([text in entry for entry in told]).reshape(shape) for text in texts},
        potential=None if potential is None else str(potential["file"]),
    )


def _quantity(name: str, documents: Sequence[Mapping[str, Any]], shape: tuple[int, ...]) -> PredictedQuantity:
    entries = [document[name] for document in documents]
    ends = [entry["interval90"] or (np.nan, np.nan) for entry in entries]
    outside = [any(part in document["outside_training"] for part in _PARTS[name]) for document in documents]
    return PredictedQuantity(
        values=np.array([np.nan if entry["value"] is None else entry["value"] for entry in entries]).reshape(shape),
        low=np.array([low for low, _ in ends], dtype=np.float64).reshape(shape),
        high=np.array([high for _, high in ends], dtype=np.float64).reshape(shape),
        unit=UNITS[name],
        outside_training=np.array(outside).reshape(shape),
    )


_PARTS: Mapping[str, tuple[str, ...]] = {
    "growth_velocity": ("growth_velocity",),
    "nucleation_rate": ("nucleation_rate",),
    "nucleation_density": ("growth_velocity", "nucleation_rate"),
    "characteristic_length": ("growth_velocity", "nucleation_rate"),
}
"""What a quantity is made of: it is outside of the training where one of them is."""
