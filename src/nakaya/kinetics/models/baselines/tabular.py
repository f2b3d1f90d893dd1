"""Regressions on tables by scikit-learn: ridge, support vectors, small networks, trees, boosting, Gaussian process.

Two of them also learn what is left of where the network starts: how much of its lead is the start, and how much the
network?
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import MissingExtraError
from nakaya.kinetics.models.baselines.closed_forms import make_assimilation
from nakaya.kinetics.models.baselines.features import Encoder, bond_order_numbers, numbers
from nakaya.kinetics.models.baselines.fitting import Baseline, Estimate
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.samples.sample import Sample
from nakaya.learn.search_space import Parameter

__all__ = [
    "Columns",
    "make_ann",
    "make_ann_on_start",
    "make_boosting",
    "make_extra_trees",
    "make_gp",
    "make_ridge",
    "make_ridge_bond_order",
    "make_svm",
    "make_svm_on_start",
]

Regressor: TypeAlias = Any
"""An estimator of scikit-learn, which brings no types."""

Columns: TypeAlias = Callable[[Sample], dict[str, float]]

ANN_MEMBERS = 5
SMOOTHNESS = (0.5, 1.5, 2.5)


def make_ridge(columns: Columns = numbers) -> Baseline:
    """Ridge regression, on all columns unless others are named."""

    def regressor(settings: Settings, seed: int, num_columns: int) -> Regressor:
        from sklearn.linear_model import Ridge

        return Ridge(alpha=settings["alpha"])

    return _table("ridge", regressor, (Parameter("alpha", 1e-3, 1e3, "log"),), {"alpha": 1.0}, columns=columns)


def make_ridge_bond_order() -> Baseline:
    """Ridge regression on conditions, laws, early bond order and the direct fit: what glassy dynamics asks for."""
    return replace(make_ridge(bond_order_numbers), name="ridge-bond-order")


def make_svm() -> Baseline:
    """Support vector regression with a Gaussian kernel; its width counts per column."""

    def regressor(settings: Settings, seed: int, num_columns: int) -> Regressor:
        from sklearn.svm import SVR

        return SVR(C=settings["cost"], gamma=settings["kernel_rate"] / max(num_columns, 1), epsilon=settings["tube"])

    space = (
        Parameter("cost", 0.1, 1e3, "log"),
        Parameter("kernel_rate", 0.01, 10.0, "log"),
        Parameter("tube", 1e-3, 0.3, "log"),
    )
    return _table("svm", regressor, space, {"cost": 10.0, "kernel_rate": 0.3, "tube": 0.03})


def make_ann(columns: Columns = numbers) -> Baseline:
    """The mean of five fully connected networks."""

    def regressor(settings: Settings, seed: int, num_columns: int) -> Regressor:
        from sklearn.ensemble import VotingRegressor
        from sklearn.neural_network import MLPRegressor

        members = [
            MLPRegressor(
                hidden_layer_sizes=(int(settings["width"]),) * int(settings["depth"]),
                activation="tanh",
                solver="lbfgs",
                alpha=settings["weight_decay"],
                max_iter=round(settings["iterations"]),
                random_state=seed * ANN_MEMBERS + member,
            )
            for member in range(ANN_MEMBERS)
        ]
        return VotingRegressor([(str(number), member) for number, member in enumerate(members)])

    space = (
        Parameter("depth", 1, 3, "integer"),
        Parameter("width", 4, 64, "power-of-two"),
        Parameter("weight_decay", 1e-3, 30.0, "log"),
        Parameter("iterations", 50, 500, "log"),
    )
    defaults = {"depth": 1.0, "width": 16.0, "weight_decay": 1.0, "iterations": 200.0}
    return _table("ann", regressor, space, defaults, columns=columns)


def make_extra_trees(columns: Columns = numbers) -> Baseline:
    """Extremely randomised trees."""

    def regressor(settings: Settings, seed: int, num_columns: int) -> Regressor:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(
            n_estimators=150,
            min_samples_leaf=int(settings["leaf"]),
            max_features=settings["share_of_columns"],
            random_state=seed,
            n_jobs=1,
        )

    space = (Parameter("leaf", 1, 10, "integer"), Parameter("share_of_columns", 0.1, 1.0, "real"))
    return _table("extra-trees", regressor, space, {"leaf": 1.0, "share_of_columns": 0.6}, columns=columns)


def make_boosting(columns: Columns = numbers) -> Baseline:
    """Gradient boosting of small trees."""

    def regressor(settings: Settings, seed: int, num_columns: int) -> Regressor:
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(
            learning_rate=settings["learning_rate"],
            n_estimators=round(settings["trees"]),
            max_depth=int(settings["depth"]),
            subsample=settings["share_of_rows"],
            random_state=seed,
        )

    space = (
        Parameter("learning_rate", 0.01, 0.3, "log"),
        Parameter("trees", 30, 400, "log"),
        Parameter("depth", 1, 4, "integer"),
        Parameter("share_of_rows", 0.4, 1.0, "real"),
    )
    defaults = {"learning_rate": 0.08, "trees": 120.0, "depth": 2.0, "share_of_rows": 0.8}
    return _table("boosting", regressor, space, defaults, columns=columns)


def make_gp() -> Baseline:
    """A Gaussian process: a straight line, a Matern part and noise, their sizes by marginal likelihood."""

    def regressor(settings: Settings, seed: int, num_columns: int) -> Regressor:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

        # Length and noise are where the search for the likelihood starts, and how far from there it may go.
        length, noise = settings["length"] * np.sqrt(max(num_columns, 1)), settings["noise"]
        smoothness = SMOOTHNESS[int(settings["smoothness"])]
        kernel = (
            ConstantKernel(1.0, (1e-2, 1e2)) * Matern(length, (length / 3, length * 3), nu=smoothness)
            + ConstantKernel(0.1, (1e-3, 1e1)) * DotProduct(1.0, "fixed")
            + WhiteKernel(noise, (noise / 3, max(noise * 3, 0.01)))
        )
        return GaussianProcessRegressor(kernel, random_state=seed)

    space = (
        Parameter("smoothness", 0, 2, "integer", ("Matern-1/2", "Matern-3/2", "Matern-5/2")),
        Parameter("length", 0.3, 30.0, "log"),
        Parameter("noise", 1e-3, 0.3, "log"),
    )
    return _table("gp", regressor, space, {"smoothness": 2.0, "length": 5.0, "noise": 0.03}, own_spread=True)


def make_svm_on_start() -> Baseline:
    """Support vector regression of what `assimilation` leaves."""
    return _on_start("svm-on-start", make_svm())


def make_ann_on_start() -> Baseline:
    """Five small networks on what `assimilation` leaves."""
    return _on_start("ann-on-start", make_ann())


def _on_start(name: str, learner: Baseline) -> Baseline:
    start = make_assimilation()
    # As in the network, materials and faces have no efficiencies of their own: the most shrinkage that there is.
    common = {parameter.name: parameter.high for parameter in start.search_space}

    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        begun = start.make(samples, labels, common, seed)
        correction = learner.make(samples, labels - begun(samples)[0], settings, seed)
        return lambda asked: (begun(asked)[0] + correction(asked)[0], None)

    return Baseline(name, make, learner.search_space, learner.defaults, targets=("growth_velocity",), sees_fields=True)


@lru_cache(maxsize=1)
def _threads() -> Any:  # without types, as scikit-learn
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # scikit-learn brings it

    return ThreadpoolController()  # looks through all loaded libraries: once is enough


def _table(
    name: str,
    regressor: Callable[[Settings, int, int], Regressor],
    space: Sequence[Parameter],
    defaults: Settings,
    *,
    columns: Columns = numbers,
    own_spread: bool = False,
) -> Baseline:
    def make(samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int) -> Estimate:
        rows = [columns(sample) for sample in samples]
        encoder = Encoder.fit(rows)
        middle, size = float(labels.mean()), float(labels.std()) or 1.0
        if not encoder.names:
            return lambda asked: (np.full(len(asked), middle), np.full(len(asked), size) if own_spread else None)
        try:
            model = regressor(settings, seed, len(encoder.names))
        except ImportError as error:
            raise MissingExtraError("kinetics models", "ml") from error
        # Tables are small: threads of the linear algebra wait for each other more than they compute.
        with warnings.catch_warnings(), _threads().limit(limits=1):
            # Iterations are a hyperparameter, and so are bounds: stopping at them is what was asked for.
            warnings.filterwarnings("ignore", module="sklearn")
            model.fit(encoder.transform(rows), (labels - middle) / size)

        def estimate(asked: Sequence[Sample]) -> tuple[FloatArray, FloatArray | None]:
            table = encoder.transform([columns(sample) for sample in asked])
            if own_spread:
                means, deviations = model.predict(table, return_std=True)
                return means * size + middle, np.asarray(deviations) * size
            return np.asarray(model.predict(table)) * size + middle, None

        return estimate

    return Baseline(
        name, make, tuple(space), defaults, own_spread=own_spread, sees_fields=columns in (numbers, bond_order_numbers)
    )
