"""Models with a formula: mean, Arrhenius' laws, laws of growth and nucleation, the early slope, and all of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.assimilation import assimilated, fitted_gains, measurements
from nakaya.kinetics.models.baselines.features import growth_laws
from nakaya.kinetics.models.baselines.fitting import Baseline, Estimate
from nakaya.kinetics.models.nucleation import MISFIT, label_errors, nucleation_posterior, own_material
from nakaya.kinetics.models.physics import DEFAULT_EFFICIENCY, Mobility, is_covalent, velocity_physics
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample
from nakaya.learn.search_space import Parameter

__all__ = [
    "make_arrhenius",
    "make_arrhenius_rate",
    "make_assimilation",
    "make_collision_limited",
    "make_growth_law",
    "make_mean",
    "make_nucleation_law",
    "make_slope",
    "make_wilson_frenkel",
]

_SHRINKAGE = Parameter("shrinkage", 1e-5, 10.0, "log")
_VELOCITY = ("growth_velocity",)
_RATE = ("nucleation_rate",)
_FREE = 10.0
"""Decades: as good as no prior."""

_SHARED = 1.0
"""Decades: how far the prefactor of one material lies from the common one, before any was seen."""

_Laws = Callable[[Sequence[Sample]], FloatArray]
"""Velocities of samples by a law with an efficiency of 1, float64 [sample], m/s."""


def make_mean() -> Baseline:
    """The mean label, whatever the sample: what every model must beat to be of any use."""

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        return _constant(labels)

    return Baseline("mean", make)


def make_slope() -> Baseline:
    """The direct fit: the slope of the crystal's thickness in the early evidence, nothing learned but its error."""

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        middle = float(labels.mean())

        def estimate(asked: Sequence[Sample]) -> tuple[FloatArray, None]:
            found = np.array([sample.pooled.get(EARLY_VELOCITY, math.nan) for sample in asked])
            return np.where(np.isfinite(found), found, middle), None

        return estimate

    return Baseline("slope", make, targets=_VELOCITY)


def make_arrhenius() -> Baseline:
    """Arrhenius' law, v = exp(a - b/T), with a and b of each material and a of each orientation, shrunk to the common.

    Learned from runs that grow, for a logarithm needs v > 0; it knows no melting point, and no sign.
    """

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        growing = np.flatnonzero(labels > 0).tolist()
        if len(growing) < 2:
            return _constant(labels)
        kinds = _Kinds([samples[place] for place in growing])
        inverse_temperature = _standard_inverse_temperature([samples[place] for place in growing])

        def design(asked: Sequence[Sample]) -> FloatArray:
            step = inverse_temperature(asked)
            one_hot = kinds.one_hot(asked)
            return np.column_stack([np.ones(len(asked)), step, one_hot, one_hot * step[:, None]])

        logarithms = np.log(labels[growing])
        table = design([samples[place] for place in growing])
        weights = _shrunk(table, logarithms, settings["shrinkage"], free=2)
        low, high = float(logarithms.min()) - math.log(10), float(logarithms.max()) + math.log(3)
        return lambda asked: (np.exp(np.clip(design(asked) @ weights, low, high)), None)

    return Baseline("arrhenius", make, (_SHRINKAGE,), {"shrinkage": 0.01}, targets=_VELOCITY)


def make_collision_limited() -> Baseline:
    """Collision-limited growth (Broughton, Gilmer & Jackson 1982), v = f M [1 - exp(-delta-mu/kT)]."""
    return _law("collision-limited", lambda samples, labels: _each(lambda sample: growth_laws(sample)[0]))


def make_wilson_frenkel() -> Baseline:
    """Activated growth (Wilson 1900, Frenkel 1932), v = f 6 D/a [1 - exp(-delta-mu/kT)], D that of the liquid."""
    return _law("wilson-frenkel", lambda samples, labels: _each(lambda sample: growth_laws(sample)[1]))


def make_growth_law() -> Baseline:
    """The law of `nakaya.kinetics.models.physics`: what the network corrects, fitted alone."""

    def fitted(samples: Sequence[Sample], labels: FloatArray) -> _Laws:
        activation = velocity_physics(samples).fitted(labels).activation
        return lambda asked: velocity_physics(asked).velocity(Mobility(activation=activation))

    return _law("growth-law", fitted)


def make_assimilation() -> Baseline:
    """The growth law and all that was measured, each with the weight that it earns: what the network starts from."""
    law = make_growth_law()

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        estimate, gains = law.make(samples, labels, settings, seed), fitted_gains(samples, labels)
        return lambda asked: (assimilated(estimate(asked)[0], measurements(asked), gains), None)

    return Baseline("assimilation", make, law.search_space, law.defaults, targets=_VELOCITY)


def make_nucleation_law() -> Baseline:
    """Classical nucleation theory, prefactor and barrier learned within what is known of them beforehand."""

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        found = nucleation_posterior(samples, labels)
        noise = float(np.sqrt((label_errors(samples) ** 2).mean()))  # a new label is as noisy as those of the training

        def estimate(asked: Sequence[Sample]) -> tuple[FloatArray, FloatArray]:
            means, deviations = found.predict(asked)
            return means, np.hypot(deviations, noise)

        return estimate

    return Baseline("nucleation-law", make, targets=_RATE, own_spread=True)


def make_arrhenius_rate() -> Baseline:
    """Ln J = a + a_m - b/T with the a_m of materials shrunk: a straight line that knows no melting point."""

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        materials = sorted({sample.material for sample in samples})
        inverse_temperature = _standard_inverse_temperature(samples)
        middle = float(labels.mean())

        def design(asked: Sequence[Sample]) -> FloatArray:
            own = own_material(asked, materials)
            return np.column_stack([np.ones(len(asked)), inverse_temperature(asked), own])

        table = design(samples)
        penalty = (MISFIT / np.array([_FREE, _FREE, *(_SHARED for _ in materials)])) ** 2
        weights = np.linalg.solve(table.T @ table + np.diag(penalty), table.T @ (labels - middle))
        return lambda asked: (middle + design(asked) @ weights, None)

    return Baseline("arrhenius-rate", make, targets=_RATE)


def _standard_inverse_temperature(samples: Sequence[Sample]) -> Callable[[Sequence[Sample]], FloatArray]:
    """1000 K/T less its mean over training samples, over its standard deviation there, as a function of samples."""

    def inverse(asked: Sequence[Sample]) -> FloatArray:
        return np.array([1000.0 / sample.temperature for sample in asked])

    centre, width = float(inverse(samples).mean()), float(inverse(samples).std()) or 1.0
    return lambda asked: (inverse(asked) - centre) / width


def _constant(labels: FloatArray) -> Estimate:
    middle = float(labels.mean())
    return lambda asked: (np.full(len(asked), middle), None)


def _each(law: Callable[[Sample], float]) -> _Laws:
    return lambda samples: np.array([law(sample) for sample in samples])


def _law(name: str, fitted: Callable[[Sequence[Sample], FloatArray], _Laws]) -> Baseline:
    # The efficiency f is a sum: of the mechanism + material's + orientation's + that of the pair, all but the first
    # shrunk; where no sample tells the first, it is that of Lennard-Jones (Broughton et al.).
    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        kinds, law = _Kinds(samples), fitted(samples, labels)

        def design(asked: Sequence[Sample]) -> FloatArray:
            laws = law(asked)
            if not np.isfinite(laws).all():
                unknown = sorted({s.material for s, value in zip(asked, laws, strict=True) if not math.isfinite(value)})
                raise ParameterError(
                    f"{name} needs latent heat and diffusivity of {', '.join(unknown)}: add records of its properties"
                )
            covalent = np.array([is_covalent(sample) for sample in asked])
            return np.column_stack([laws * ~covalent, laws * covalent, kinds.one_hot(asked) * laws[:, None]])

        def usual(table: FloatArray) -> FloatArray:
            return DEFAULT_EFFICIENCY * (table[:, 0] + table[:, 1])

        table = design(samples)
        size = float(np.sqrt((table[:, :2] ** 2).sum(axis=1).mean())) or 1.0
        weights = _shrunk(table / size, labels - usual(table), settings["shrinkage"], free=2) / size
        return lambda asked: (usual(found := design(asked)) + found @ weights, None)

    return Baseline(name, make, (_SHRINKAGE,), {"shrinkage": 0.01}, targets=_VELOCITY)


class _Kinds:
    """Materials, orientations and pairs of both that training samples have; others have none of the columns."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.names = sorted({name for sample in samples for name in self._of(sample)})

    @staticmethod
    def _of(sample: Sample) -> tuple[str, str, str]:
        face = sample.orientation or ""
        return f"material {sample.material}", f"face {face}", f"pair {sample.material} {face}"

    def one_hot(self, samples: Sequence[Sample]) -> FloatArray:
        return np.array([[float(name in self._of(sample)) for name in self.names] for sample in samples])


def _shrunk(table: FloatArray, values: FloatArray, shrinkage: float, *, free: int) -> FloatArray:
    """Least squares with a penalty on all but the first `free` columns."""
    penalty = np.full(table.shape[1], shrinkage * len(values))
    penalty[:free] = 1e-9 * len(values)
    normal = table.T @ table + np.diag(penalty)
    return np.asarray(np.linalg.solve(normal, table.T @ values))
