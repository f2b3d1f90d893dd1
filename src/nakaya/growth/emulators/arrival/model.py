"""The emulator itself, without files and requests: a mean on a basis, a bank, and how a member is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, IntArray
from nakaya.core.randomness import Key
from nakaya.growth.emulators.arrival.bank import ResidualBank
from nakaya.growth.emulators.arrival.flooding import Ground, make_ground, repair
from nakaya.growth.emulators.arrival.maps import SHARES, Support
from nakaya.growth.emulators.arrival.regression import Regression
from nakaya.growth.lattice.lattice import Lattice
from nakaya.growth.model.trajectory import NEVER

__all__ = ["ArrivalModel", "Draws", "Mean"]


@dataclass(frozen=True)
class Mean:
    """What crystals have in common: the mean of regressions that left out other parts of the training crystals.

    Attributes:
        centre: Mean map, float32 [site].
        basis: Orthonormal modes, float32 [mode, site].
        folds: Regressions; outputs are the coefficients of the modes, then the numbers.
    """

    centre: Float32Array
    basis: Float32Array
    folds: tuple[Regression, ...]

    def at(self, conditions: FloatArray, fold: int | None = None) -> tuple[Float32Array, FloatArray]:
        """Return maps, float32 [point, site], and numbers, float64 [point, number], of one fold or of all together.

        Args:
            conditions: Standardised, float64 [point, condition].
            fold: One of `folds`; None: their mean.
        """
        chosen = self.folds if fold is None else (self.folds[fold],)
        outputs = np.mean([regression(conditions) for regression in chosen], axis=0)
        num_modes = len(self.basis)
        maps = self.centre + outputs[:, :num_modes].astype(np.float32) @ self.basis
        return np.asarray(maps, np.float32), outputs[:, num_modes:]


@dataclass(frozen=True)
class Draws:
    """How members are drawn.

    Attributes:
        neighbours: Donors that a point's members draw from.
        is_scaled: Whether residual maps are multiplied by the ratio of predicted spreads.
        keeps_area: Whether the outline is where the area is right; else where tau = 1.
        keeps_curve: Whether the growth curve is made to be the predicted one.
    """

    neighbours: int = 16
    is_scaled: bool = True
    keeps_area: bool = True
    keeps_curve: bool = True


@dataclass(frozen=True)
class ArrivalModel:
    """Grows crystals from conditions.

    Attributes:
        support: Sites that it knows.
        mean: The mean of crystals at a condition.
        bank: Their residuals.
        draws: How members are drawn.
        lattice: Who is a neighbour of whom.
        initial: Sites of the initial crystal, as indices into the flat lattice, int64 [site].
        stop_line: Index along an axis at which growth ends.
        ground: What the repairs know of the lattice.
    """

    support: Support
    mean: Mean
    bank: ResidualBank
    draws: Draws
    lattice: Lattice
    initial: IntArray
    stop_line: int
    ground: Ground = field(init=False)

    def __post_init__(self) -> None:
        support = self.support
        ground = make_ground(support.shape, support.sites, self.initial, self.lattice.neighbours, self.stop_line)
        object.__setattr__(self, "ground", ground)

    def grow_point(self, condition: FloatArray, keys: list[Key], out: ArrivalMap) -> IntArray:
        """Grow members at one point.

        What a member is depends on its key and the condition alone: each is made by itself, with arrays of one shape.

        Args:
            condition: Standardised, float64 [condition].
            keys: One for each member: which donor it draws, and which exchange of the axes.
            out: int32 [member, *lattice]: is filled.

        Returns:
            Steps, int64 [member].
        """
        maps, numbers = self.mean.at(condition[None])
        donors = self.bank.nearest(condition, self.draws.neighbours)
        ratios = self.bank.ratios(condition, donors)
        exchanges = self.support.exchanges
        shares = SHARES if self.draws.keeps_curve else np.empty(0)
        steps = np.empty(len(keys), np.int64)
        for member, (word, other) in enumerate(keys):
            place = word * len(donors) >> 32
            exchange = exchanges[other * len(exchanges) >> 32]
            scales = ratios[place] if self.draws.is_scaled else np.ones_like(ratios[place])
            tau = maps[0] + np.float32(scales[0]) * self.bank.map_of(int(donors[place]))[exchange]
            drawn = numbers[0] + scales[1:] * self.bank.numbers[donors[place]]
            steps[member] = max(round(float(np.exp(drawn[0]))), 1)
            repair(
                tau,
                self.ground,
                area=float(np.exp(drawn[1])) if self.draws.keeps_area else 0.0,
                shares=shares,
                moments=np.maximum.accumulate(drawn[2:].clip(0, 1))[: len(shares)],
                duration=int(steps[member]),
                out=out[member],
            )
        return steps

    def grow(self, conditions: FloatArray, keys: list[list[Key]]) -> tuple[ArrivalMap, IntArray]:
        """Grow members at several points: int32 [point, member, *lattice] and int64 [point, member]."""
        out = np.full((len(conditions), len(keys[0]), *self.support.shape), NEVER, np.int32)
        steps = [
            self.grow_point(condition, own, maps) for condition, own, maps in zip(conditions, keys, out, strict=True)
        ]
        return out, np.array(steps)
