"""Published parameter sets by name. Units are SI here; where a source uses others, the conversion is written out.

A set without a solubility (None) gives rates only: a run needs a solubility from elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor.crystallizer import Crystallizer
from nakaya.reactor.rate_equations import BirthAndSpreadGrowth, Kinetics, Nucleation, PowerLawGrowth
from nakaya.reactor.solubility import Solubility

__all__ = ["PARAMETER_SETS", "ParameterSet", "parameter_set"]

_MICROMETRE, _MINUTE = 1e-6, 60.0


@dataclass(frozen=True)
class ParameterSet:
    """Published kinetics of one solute in one solvent.

    Attributes:
        name: As in `parameter_set(name)`.
        solute: Name of the crystal.
        solvent: Name of the solvent.
        kinetics: Rate equations.
        solubility: None where the source set gives none.
        density: Of the crystal, kg/m3; None where the source set gives none.
        shape_factor: Volume over L^3; None where the source set gives none.
        source: Publication, and what was assumed in reading it.
    """

    name: str
    solute: str
    solvent: str
    kinetics: Kinetics
    solubility: Solubility | None
    density: float | None
    shape_factor: float | None
    source: str

    def crystallizer(
        self,
        *,
        solubility: Solubility | None = None,
        density: float | None = None,
        shape_factor: float | None = None,
    ) -> Crystallizer:
        """Return a crystallizer; arguments replace, or supply, what the set says.

        Raises:
            ParameterError: Something is given neither here nor by the set.
        """
        chosen = {
            "solubility": solubility or self.solubility,
            "density": density or self.density,
            "shape_factor": shape_factor or self.shape_factor,
        }
        missing = [what for what, value in chosen.items() if value is None]
        if missing:
            raise ParameterError(f"the parameter set {self.name} gives no {' and no '.join(missing)}: supply it")
        return Crystallizer(kinetics=self.kinetics, name=self.name, source=self.source, **chosen)  # type: ignore[arg-type]


_ETHANOL_DENSITY, _PARACETAMOL_MOLAR_MASS = 789.0, 151.16
"""kg/m3 and kg/kmol: from kg per kg of ethanol to kmol/m3."""

PARAMETER_SETS = {
    published.name: published
    for published in (
        ParameterSet(
            name="alpha-l-glutamic-acid",
            solute="alpha-L-glutamic acid",
            solvent="water",
            kinetics=Kinetics(
                growth=BirthAndSpreadGrowth(
                    rate_constant=3.63e-4, activation_temperature=3720.0, nucleus_constant=5.42e4
                ),
                nucleation=(
                    ("homogeneous", Nucleation(rate_constant=1.3e27, barrier=163.0, per="solvent")),
                    ("heterogeneous", Nucleation(rate_constant=1.4e8, barrier=10.0, per="solvent")),
                ),
            ),
            solubility=None,
            density=None,
            shape_factor=None,
            source=(
                "birth-and-spread growth G = 3.63e-4 T exp(-3720/T) (S-1)^(2/3) (ln S)^(1/6) exp(-5.42e4/(T^2 ln S)) "
                "m/s, J = 1.3e27 exp(-163/ln^2 S) + 1.4e8 exp(-10/ln^2 S) per kg and s, read as per kg of solvent; "
                "the set has no solubility, density or shape factor"
            ),
        ),
        ParameterSet(
            name="dextrose",
            solute="dextrose monohydrate",
            solvent="water",
            kinetics=Kinetics(
                growth=PowerLawGrowth(rate_constant=1.14e-3, order=1.05, activation_energy=29549.0),
                nucleation=(("secondary", Nucleation(rate_constant=4.50e4, order=1.41, suspension_exponent=0.49)),),
            ),
            solubility=Solubility((29.94, 0.804), scale=0.01, basis="initial-solution"),
            density=1540.0,
            shape_factor=math.pi / 6,
            source=(
                "doi 10.1016/j.jcrysgro.2012.04.021; M_T read as crystal mass per kg of slurry, nuclei per kg of "
                "slurry, concentrations as solute over the solution mass at the start"
            ),
        ),
        ParameterSet(
            name="paracetamol-ethanol",
            solute="paracetamol",
            solvent="ethanol",
            kinetics=Kinetics(
                growth=PowerLawGrowth(
                    rate_constant=9.979,
                    order=1.602,
                    activation_energy=40560.0,
                    driver="absolute",
                    driver_scale=_ETHANOL_DENSITY / _PARACETAMOL_MOLAR_MASS,
                )
            ),
            solubility=Solubility((0.0, 0.02179), zero=0.0, form="exponential", scale=2.955e-4, basis="solvent"),
            density=1332.0,
            shape_factor=0.866,
            source=(
                "growth G = 9.979 exp(-40560/RT) dc^1.602 m/s, dc in kmol/m3; solubility 2.955e-4 exp(0.02179 T) "
                "kg/kg, read as per kg of ethanol; dc converted with the volume of pure ethanol (789 kg/m3); "
                "no nucleation"
            ),
        ),
        ParameterSet(
            name="potassium-nitrate",
            solute="potassium nitrate",
            solvent="water",
            kinetics=Kinetics(
                growth=PowerLawGrowth(rate_constant=6967.0 * _MICROMETRE / _MINUTE, order=1.32),
                nucleation=(
                    (
                        "secondary",
                        Nucleation(
                            rate_constant=2.78e-5 / _MICROMETRE**3 / _MINUTE,
                            order=1.78,
                            suspension_exponent=1.0,
                            per="third-moment",
                        ),
                    ),
                ),
            ),
            solubility=Solubility((0.1286, 5.88e-3, 1.721e-4), basis="solvent"),
            density=2110.0,
            shape_factor=1.0,
            source=(
                "Miller and Rawlings, AIChE J. 40 (1994) 1312, as used by Chung, Ma and Braatz, Can. J. Chem. Eng. 77 "
                "(1999) 590 (density 2.11 g/cm3, cubes): G = 6967 (S-1)^1.32 um/min, B = 2.78e-5 (S-1)^1.78 mu_3 "
                "per minute"
            ),
        ),
    )
}
"""Published sets by name."""


def parameter_set(name: str) -> ParameterSet:
    """Return a published set by name.

    Raises:
        UnknownNameError: There is none of this name.

    >>> parameter_set("dextrose").density
    1540.0
    """
    if name not in PARAMETER_SETS:
        raise UnknownNameError("parameter set", name, PARAMETER_SETS)
    return PARAMETER_SETS[name]
