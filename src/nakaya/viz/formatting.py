"""Words and numbers on pictures: symbols of parameters, numbers as people write them, and how Matplotlib sets them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nakaya.core.text import printable

__all__ = [
    "SYMBOLS",
    "format_axis",
    "format_count",
    "format_number",
    "format_parameters",
    "join_words",
    "symbol",
    "typeset",
]

SYMBOLS: dict[str, str] = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "theta": "θ",
    "kappa": "κ",
    "mu": "μ",
    "rho": "ρ",
    "sigma": "σ",
}
"""Greek letters by the names that parameters have in code."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def symbol(name: str) -> str:
    """Return the symbol of a parameter, or its name where it has none."""
    return SYMBOLS.get(name, name)


def format_number(value: float, digits: int = 4, *, keep_zeros: bool = False) -> str:
    """Return a number with `digits` significant digits, powers of ten written out; zeros at the end only on request.

    >>> format_number(0.5), format_number(5e-5), format_number(12345.0), format_number(1.0, 3, keep_zeros=True)
    ('0.5', '5×10⁻⁵', '12,345', '1.00')
    """
    value = float(value)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    sign, size = "−" if value < 0 else "", abs(value)
    if size != 0 and not 1e-3 <= size < 1e6:
        mantissa, _, power = f"{size:.{digits - 1}e}".partition("e")
        exponent = str(int(power)).translate(_SUPERSCRIPTS)
        mantissa = mantissa if keep_zeros else _without_zeros(mantissa)
        return f"{sign}10{exponent}" if mantissa == "1" else f"{sign}{mantissa}×10{exponent}"
    whole_digits = 1 if size < 1 else math.floor(math.log10(size)) + 1
    leading_zeros = 0 if size == 0 or size >= 1 else -math.floor(math.log10(size)) - 1
    text = f"{size:,.{max(0, digits - whole_digits + leading_zeros + (size < 1))}f}"
    return sign + (text if keep_zeros else _without_zeros(text))


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_axis(values: Sequence[float]) -> list[str]:
    """Return the values of an axis with as many decimals as tell them apart, the same for all.

    >>> format_axis([0.36, 0.4]), format_axis([1e-5, 1e-4])
    (['0.36', '0.40'], ['10⁻⁵', '10⁻⁴'])
    """
    largest = max(abs(value) for value in values)
    steps = [abs(a - b) for a, b in pairwise(sorted(values)) if a != b]
    if largest < 0.01 or largest >= 1e6 or not steps:
        return [format_number(value) for value in values]
    decimals = 0
    while decimals < 5 and any(abs(round(value, decimals) - value) > 0.02 * min(steps) for value in values):
        decimals += 1
    return [f"{value:.{decimals}f}".replace("-", "−") for value in values]


def format_count(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    >>> format_count(1, "step"), format_count(1675, "step")
    ('1 step', '1,675 steps')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def format_parameters(parameters: Mapping[str, float]) -> str:
    """Return parameters as one line of equations.

    >>> format_parameters({"rho": 0.5, "sigma": 5e-5})
    'ρ = 0.5,  σ = 5×10⁻⁵'
    """
    return ",  ".join(f"{symbol(name)} = {format_number(value)}" for name, value in parameters.items())


def join_words(words: Sequence[str]) -> str:
    """Return words as one line, set apart by middle dots."""
    return " · ".join(word for word in words if word)


_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def typeset(text: str) -> str:
    r"""Return text as Matplotlib sets it: Greek letters in italics, powers raised, everything else as it is.

    A dollar sign or a backslash, as in a name of a file, is printed and begins no formula. Nor does "_" at the start
    hide a legend's entry, and what no reader sees, or an SVG must not hold, is written out. Every text of a picture
    that others may have had a hand in goes through here, once.

    >>> typeset("ρ = 5×10⁻⁵"), typeset("costs 5$ and $6"), typeset("_a\x1b")
    ('$ρ$ = 5×10$^{-5}$', 'costs 5\\$ and \\$6', '$\\_$a$\\backslash$x1b')
    """

    def set_run(run: re.Match[str]) -> str:
        found = run[0]
        if found == "$":
            return r"\$"
        if found == "\\":
            return r"$\backslash$"
        if found == "_":
            return r"$\_$"
        return f"${found}$" if found[0] >= "α" and found[0] <= "ω" else f"$^{{{found.translate(_RAISED)}}}$"

    return re.sub(r"\A_|[α-ω]+|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|[$\\]", set_run, printable(text))
