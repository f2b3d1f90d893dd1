"""Symbols and names of the chemical elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["ELEMENTS", "element_meant", "suggested_element"]

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb "
    "Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr"
)

ELEMENTS: Final = tuple(_SYMBOLS.split())
"""In the order of atomic numbers, hydrogen to lawrencium."""

_NAMES = (  # in English, in the same order; two spellings with a stroke between them
    "hydrogen helium lithium beryllium boron carbon nitrogen oxygen fluorine neon sodium magnesium "
    "aluminium/aluminum silicon phosphorus sulfur/sulphur chlorine argon potassium calcium scandium titanium "
    "vanadium chromium manganese iron cobalt nickel copper zinc gallium germanium arsenic selenium bromine "
    "krypton rubidium strontium yttrium zirconium niobium molybdenum technetium ruthenium rhodium palladium "
    "silver cadmium indium tin antimony tellurium iodine xenon caesium/cesium barium lanthanum cerium "
    "praseodymium neodymium promethium samarium europium gadolinium terbium dysprosium holmium erbium thulium "
    "ytterbium lutetium hafnium tantalum tungsten rhenium osmium iridium platinum gold mercury thallium lead "
    "bismuth polonium astatine radon francium radium actinium thorium protactinium uranium neptunium plutonium "
    "americium curium berkelium californium einsteinium fermium mendelevium nobelium lawrencium"
)

_MEANT: Final[Mapping[str, str]] = {
    word: symbol
    for symbol, names in zip(ELEMENTS, _NAMES.split(), strict=True)
    for word in (symbol.lower(), *names.split("/"))
}


def element_meant(word: str) -> str | None:
    """Return the symbol that stands for an English name, or for a symbol in another case; None: it is neither.

    >>> element_meant("Copper"), element_meant("cu"), element_meant("Cu"), element_meant("bronze")
    ('Cu', 'Cu', None, None)
    """
    found = _MEANT.get(word.strip().lower())
    return None if found == word else found


def suggested_element(word: str) -> str:
    """Return what a message adds to a word that was taken for a chemical symbol and is none; "" where nothing is meant.

    >>> f"no run of copper{suggested_element('copper')}", suggested_element("bronze")
    ("no run of copper (did you mean 'Cu'?)", '')
    """
    meant = element_meant(word)
    return "" if meant is None else f" (did you mean {meant!r}?)"
