"""How much solute there is: by mass, by volume or in moles, and always as kg per kg of what a basis says.

With w the mass fraction of the solution and X the mass of solute per mass of solvent, X = w/(1 - w), and

    w = c/rho = n M/rho          mass or moles per volume of solution of density rho,
    w = x M/(x M + (1 - x) M_s)  a mole fraction,
    X = m M                      moles per mass of solvent (molality),

so that every one of them is alpha v/(beta + gamma v) of the number v that is written. A pure number (1, %, ppm) does
not say of what it is, and is refused: mole fractions, volume fractions and absorbances look the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.records.units import same_dimension, to_si

__all__ = ["Amounts", "Basis", "Conversion", "absorbance_factor", "change_basis", "conversion", "is_same_amount"]

Basis: TypeAlias = Literal["solvent", "solution", "initial-solution"]
"""What a concentration is per kg of: solvent, solution (a mass fraction), or the solution at the start."""

_EXAMPLES = "kg/kg, g/kg, g/100 g, wt%, g/L, mol/L, mol/kg or mol/mol"
_WORDS = {"wt%": "g/100g solution", "w/w%": "g/100g solution", "mass%": "g/100g solution", "m/m%": "g/100g solution",
          "%w/w": "g/100g solution", "%(w/w)": "g/100g solution", "weight%": "g/100g solution",
          "mol%": "mol/100mol", "mole%": "mol/100mol", "molefraction": "mol/mol", "massfraction": "kg/kg solution",
          "g/dl": "g/100mL", "w/v%": "g/100mL", "%w/v": "g/100mL", "vol%": "L/100L", "%v/v": "L/100L", "v/v%": "L/100L",
          "v/v": "L/L", "w/w": "kg/kg", "m/m": "kg/kg"}  # fmt: skip
_PURE = ("", "1", "%", "ppm", "ppb", "-", "fraction", "percent", "dimensionless")
_ABSORBANCE = {"au": 1.0, "a.u.": 1.0, "absorbance": 1.0, "abs": 1.0, "od": 1.0, "mau": 1e-3}
_PER_MANY = re.compile(r"(.+)/\(?\s*(10{1,6})\s*([A-Za-z]+)\)?")
_KINDS = {"mass": "kg", "moles": "mol", "volume": "m^3"}


@dataclass(frozen=True)
class Amounts:
    """What is needed to give concentrations by mass.

    Attributes:
        molar_mass_g_per_mol: Of the solute (of the crystal, where it holds solvent).
        solvent_molar_mass_g_per_mol: Of the solvent.
        solution_density: kg/m3, for amounts per volume of solution; one number for the whole run.
        solvent_density: kg/m3, for amounts per volume of solvent.

    Raises:
        ParameterError: One of them is not positive.
    """

    molar_mass_g_per_mol: float | None = None
    solvent_molar_mass_g_per_mol: float | None = None
    solution_density: float | None = None
    solvent_density: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ParameterError(f"{name}={value} must be positive")
        for name in ("solution_density", "solvent_density"):
            if (density := getattr(self, name)) is not None and density < 100.0:
                raise ParameterError(f"{name}={density} is in kg/m3, and no liquid is so light: g/cm3 times 1000")


class Conversion(NamedTuple):
    """A number v in some unit is alpha v/(beta + gamma v) kg/kg."""

    alpha: float = 1.0
    beta: float = 1.0
    gamma: float = 0.0

    def apply(self, values: FloatArray) -> FloatArray:
        """kg/kg, same shape; NaN where the number says that there is nothing but solute, or more."""
        if self == Conversion():
            return values
        rest = self.beta + self.gamma * values
        return np.asarray(self.alpha * values / np.where(rest > 0, rest, np.nan))


def absorbance_factor(unit: str) -> float | None:
    """Factor of a unit of absorbance on a pure number, None where it is none; AU is no astronomical unit here."""
    return _ABSORBANCE.get(unit.strip().lower())


def conversion(unit: str, basis: Basis, amounts: Amounts, what: str) -> Conversion:
    """How numbers in a unit become kg per kg of what `basis` says.

    Args:
        unit: Such as "kg/kg" (per kg of what the basis says), "g/L", "mol/L", "g/100 g", "wt%", "mol/mol" (a mole
            fraction), "mol/kg" (molality); "solvent" or "solution" behind it says what it is per.
        basis: Of the result.
        amounts: Molar masses and densities, where the unit needs them.
        what: Named in errors, such as "concentration".

    Raises:
        ParameterError: The unit is no amount of solute, or needs what is not given.
    """
    if absorbance_factor(unit) is not None:
        raise ParameterError(
            f"{what} in {unit!r} is an absorbance: calibrate it to {_EXAMPLES}, or map the column under a name of its "
            "own"
        )
    top, bottom, per, factor = _parts(unit, what)
    if top == "volume":
        raise ParameterError(
            f"{what} in {unit!r} is a volume fraction, which is no mass without the density of the dissolved solute: "
            f"give {_EXAMPLES}"
        )

    def needed(name: str, why: str) -> float:
        value: float | None = getattr(amounts, name)
        if value is None:
            raise ParameterError(f"{what} in {unit!r} is {why}, which needs {name} under [amounts] to become kg/kg")
        return value

    moles_fraction = top == bottom == "moles" and per != "solvent"
    if moles_fraction:
        M = needed("molar_mass_g_per_mol", "a mole fraction")
        Ms = needed("solvent_molar_mass_g_per_mol", "a mole fraction")
        own: Basis | None = "solution"
        made = Conversion(M * factor, Ms, (M - Ms) * factor)
    elif top == bottom == "mass":
        own, made = per, Conversion(factor)
    else:
        if top == "moles":
            factor *= needed("molar_mass_g_per_mol", "an amount in moles") * 1e-3
        if bottom == "moles":
            factor /= needed("solvent_molar_mass_g_per_mol", "a ratio of moles") * 1e-3
        own = per or ("solvent" if bottom == "mass" else "solution")
        if bottom == "volume":
            factor /= needed(f"{own}_density", f"per volume of {own}")
        made = Conversion(factor)
    if own is None or own == basis:
        return made
    if basis == "initial-solution":
        raise ParameterError(
            f"{what} in {unit!r} is per {own}, which changes while the initial solution does not: give it on the basis "
            f"{own!r}; a fit converts it"
        )
    return made._replace(gamma=made.gamma + (-made.alpha if own == "solution" else made.alpha))


def _parts(unit: str, what: str) -> tuple[str, str, Basis | None, float]:
    """Kinds of the amounts above and below the line, what it is per (None: not said), and the factor to SI."""
    text = " ".join(unit.replace("·", "*").split())
    per: Basis | None = None
    for word in ("solvent", "solution"):
        if text.endswith(f" {word}"):
            per = "solvent" if word == "solvent" else "solution"
            text = text.removesuffix(word).removesuffix(" of ").strip()
    if text.lower() in _PURE:
        raise ParameterError(
            f"{what} has the unit {unit!r}, a pure number that does not say of what: by mass, by volume, in moles? "
            f"give {_EXAMPLES}"
        )
    compact = text.lower().replace(" ", "").replace("wt.%", "wt%")
    text = _WORDS.get(compact, text)
    if text.endswith(" solution"):
        per, text = "solution", text.removesuffix(" solution")
    factor = 1.0
    if many := _PER_MANY.fullmatch(text):
        text, factor = f"{many[1]}/{many[3]}", 1.0 / float(many[2])
    upper, _, lower = text.partition("/")
    for top, top_si in _KINDS.items():
        for bottom, bottom_si in _KINDS.items():
            if lower and same_dimension(upper, top_si) and same_dimension(lower, bottom_si):
                return top, bottom, per, factor * float(to_si(1.0, upper) / to_si(1.0, lower))
            if top != bottom and same_dimension(text, f"{top_si}/{bottom_si}"):
                return top, bottom, per, factor * float(to_si(1.0, text))
    raise ParameterError(f"{what} has the unit {unit!r}, which is no amount of solute: give {_EXAMPLES}")


def is_same_amount(first: str, second: str) -> bool:
    """Whether two units mean the same amount of solute; per solvent and per solution differ where both are said.

    >>> is_same_amount("g/L", "mg/mL"), is_same_amount("wt%", "mol%"), is_same_amount("g/g", "kg/kg solvent")
    (True, False, True)
    """
    try:
        *one, one_per, one_factor = _parts(first, "amount")
        *two, two_per, two_factor = _parts(second, "amount")
    except ParameterError:  # no amount, or one that does not say of what
        return False
    is_per_same = None in (one_per, two_per) or one_per == two_per
    return one == two and is_per_same and bool(np.isclose(one_factor, two_factor))


def change_basis(values: FloatArray, old: Basis, new: Basis, initial_fraction: float) -> FloatArray:
    """Concentrations in another basis, same shape.

    Per initial solution, c = X (1 - w_0): the solvent stays, and was 1 - w_0 of the solution at the start.

    Args:
        values: kg per kg of `old`.
        old: Their basis.
        new: That of the result.
        initial_fraction: w_0, mass fraction of solute in the solution at the start.

    >>> change_basis(np.array([0.5, 0.67]), "solution", "initial-solution", 0.67).round(4).tolist()
    [0.33, 0.67]
    """
    if old == new:
        return values
    solvent = 1.0 - initial_fraction
    ratio = values / (1.0 - values) if old == "solution" else values / solvent if old == "initial-solution" else values
    return ratio / (1.0 + ratio) if new == "solution" else ratio * solvent if new == "initial-solution" else ratio
