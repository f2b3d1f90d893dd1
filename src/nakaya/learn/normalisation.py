"""Normalisation of named quantities: subtract a mean, divide by a scale, both from training data alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import Float32Array, FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["Standardiser"]


@dataclass(frozen=True)
class Standardiser:
    """Maps named quantities to columns of mean 0 and standard deviation 1, and back.

    Attributes:
        names: The quantities, in the order of the columns.
        mean: Their means over the training data.
        scale: Their standard deviations over the training data; positive.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.mean) == len(self.scale):
            raise ParameterError(f"{len(self.names)} names, {len(self.mean)} means and {len(self.scale)} scales differ")
        for name, scale in zip(self.names, self.scale, strict=True):
            if not scale > 0.0:
                raise ParameterError(f"{name} has scale {scale:g} in the training data: it must vary to be a condition")

    @classmethod
    def fit(cls, values: Mapping[str, FloatArray], names: Sequence[str]) -> Standardiser:
        """Return the standardiser of the given columns, each float64 [sample].

        Raises:
            ParameterError: A quantity is missing or does not vary.
        """
        for name in names:
            if name not in values:
                raise ParameterError(f"{name!r} is not among the quantities of the training data: {sorted(values)}")
        return cls(
            tuple(names),
            tuple(float(np.mean(values[name])) for name in names),
            tuple(float(np.std(values[name])) for name in names),
        )

    def apply(self, values: Mapping[str, FloatArray | float]) -> Float32Array:
        """Return the standardised columns, float32 [sample, quantity]."""
        columns = [np.atleast_1d(np.asarray(values[name], np.float64)) for name in self.names]
        standard = (np.stack(columns, axis=1) - np.array(self.mean)) / np.array(self.scale)
        return np.asarray(standard, np.float32)
