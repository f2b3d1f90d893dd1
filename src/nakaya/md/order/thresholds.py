"""Thresholds between solid and melt that are wrong equally often in both (Espinosa, Vega, Valeriani, Sanz 2016)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.order.bond_order import Classifier, Environment, averaged_order, ranked_bond

__all__ = ["EqualMislabelling", "equal_mislabelling", "order_parameters"]


class EqualMislabelling(NamedTuple):
    """Where to divide two samples, and how often that is wrong.

    Attributes:
        threshold: Larger values are solid.
        fraction: Of the atoms of the solid that count as melt, and of those of the melt that count as solid; one half
            where the samples do not differ.
    """

    threshold: float
    fraction: float


def equal_mislabelling(solid: FloatArray, melt: FloatArray) -> EqualMislabelling:
    """Return the threshold at which as large a fraction of the solid lies below it as of the melt above it.

    J. Chem. Phys. 144, 034501 (2016), sec. II: the size of a nucleus depends on what counts as solid, and this choice
    makes sizes that give the interfacial energies of other methods.

        >>> equal_mislabelling(np.array([0.3, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.2, 0.4]))
        EqualMislabelling(threshold=0.35, fraction=0.25)

    Args:
        solid: float64 [n], an order parameter of the atoms of a bulk solid, larger in the solid.
        melt: float64 [m], of the atoms of a bulk melt.

    Raises:
        ParameterError: A sample is empty.
    """
    if not len(solid) or not len(melt):
        raise ParameterError(f"{len(solid)} atoms of a solid and {len(melt)} of a melt: expected some of both")
    solid, melt = np.sort(solid), np.sort(melt)
    places = np.union1d(solid, melt)
    lost = np.searchsorted(solid, places, side="right") / len(solid)
    gained = (len(melt) - np.searchsorted(melt, places, side="right")) / len(melt)
    low = int(np.argmax(lost >= gained))  # the difference rises; from here to the next value it stays what it is
    high = int(np.argmax(lost > gained))
    threshold = float(places[low] + places[high]) / 2
    return EqualMislabelling(threshold, float(lost[low] + gained[low]) / 2)


def order_parameters(local_environment: Environment, classifier: Classifier) -> tuple[FloatArray, FloatArray]:
    """Of every atom, what each of the two rules of `solid_atoms` compares with its threshold: float64 [atom] twice."""
    return ranked_bond(local_environment, classifier.min_solid_like), averaged_order(local_environment, 6)
