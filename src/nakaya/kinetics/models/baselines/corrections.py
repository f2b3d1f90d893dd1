"""Common learners on what the network starts from: how much of its lead is the start, and how much the network?"""

from __future__ import annotations

from collections.abc import Sequence

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.baselines.closed_forms import make_assimilation
from nakaya.kinetics.models.baselines.fitting import Baseline, Estimate
from nakaya.kinetics.models.baselines.tabular import make_ann, make_svm
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.samples.sample import Sample

__all__ = ["make_ann_on_start", "make_svm_on_start"]


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

    return Baseline(name, make, learner.search_space, learner.defaults, targets=("growth_velocity",))
