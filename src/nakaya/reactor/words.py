"""Words that logs use: units as instruments write them, and stems of names in a few languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from nakaya.core.errors import ParameterError
from nakaya.records.units import si_unit

__all__ = [
    "STEMS",
    "UNIT_KINDS",
    "has_stem",
    "kind_of_unit",
    "name_and_unit",
    "plain_words",
    "standard_unit",
    "words_of",
]

_SPELLINGS: Final[Mapping[str, str]] = {
    "degC": "°c ºc ℃ c degc grad°c gradc celsius deg.c degreesc oc",
    "K": "k kelvin",
    "degF": "°f f degf fahrenheit",
    "s": "s sec secs second seconds sek sek. sekunde sekunden seconde secondes",
    "min": "min min. mins minute minutes minuten mn",
    "h": "h hr hrs hour hours std std. stunde stunden heure heures",
    "d": "d day days tag tage jour jours",
    "ms": "ms msec millisecond milliseconds millisekunden",
    "rpm": "rpm 1/min min-1 min^-1 min⁻¹ u/min upm rev/min tr/min r/min",
    "kg/kg": "kg/kg g/g",
    "g/kg": "g/kg",
    "g/100 g": "g/100g g/(100g)",
    "wt%": "wt% wt.% w% %w/w w/w% gew% gew.-% gew.% ma% ma.-% mass% masse% m% weight%",
    "g/L": "g/l gl-1 g·l-1 kg/m3 kg/m^3 kg/m³ mg/ml gl⁻¹",
    "g/mL": "g/ml g/cm3 g/cm^3 g/cm³ kg/l",
    "mg/L": "mg/l",
    "mol/L": "mol/l moll-1 molar mol·l-1 mol/dm3",
    "mmol/L": "mmol/l mm/l",
    "mol/kg": "mol/kg",
    "mol/mol": "mol/mol",
    "mol%": "mol% mol.-% mole%",
    "um": "um µm μm micron microns micrometer mikrometer",
    "mm": "mm",
    "nm": "nm",
    "NTU": "ntu ftu fnu fau ebc",
    "AU": "au a.u. mau abs absorbance",
    "%": "% percent prozent pct",
    "counts": "counts count # #/s counts/s cts cts/s 1/s no. anzahl",
}
"""Unit as column maps write it -> how logs do, in small letters and without blanks."""

_OTHERS: Final = "mbar bar kPa MPa mL/min L/min g/min kg/h mL mS/cm uS/cm"
"""Units of what else a plant logs, which maps write alike."""

_STANDARD: Final = {
    **{unit.lower(): unit for unit in _OTHERS.split()},
    **{spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()},
}

_NAMED_AMOUNT: Final = re.compile(
    r"(mg|g|kg|mmol|mol)(?:[ _]+[^\W\d]+)?\s*/\s*\(?\s*(100 ?g|kg|g|mL|ml|L|l|mol)(?:[ _]+[^\W\d]+)?\s*\)?"
)
"""An amount that says of what: g paracetamol/kg ethanol."""

UNIT_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("degC", "K", "degF"), "temperature"),
    **dict.fromkeys(("s", "min", "h", "d", "ms"), "time"),
    **dict.fromkeys(("kg/kg", "g/kg", "g/100 g", "wt%", "g/L", "g/mL", "mg/L", "mol/L", "mmol/L", "mol/kg", "mol/mol",
                     "mol%"), "amount"),
    **dict.fromkeys(("um", "mm", "nm"), "size"),
    "rpm": "stirring", "NTU": "turbidity", "AU": "absorbance", "%": "share", "counts": "count",
}  # fmt: skip

STEMS: Final[Mapping[str, str]] = {
    "time": "time zeit temps tiempo elapsed timestamp stamp uhrzeit clock",
    "date": "date datum fecha =day =tag",
    "setpoint": "setpoint sollwert soll target consigne =set =sp =tset =tsoll =tsp",
    "jacket": "jacket mantel bath thermostat coolant chiller kuhl kuehl heiz =tj =tm =bad =tjacket",
    "temperature": "temp =t =tr =ti =tinnen =treactor =tprocess =tsolution =tr1 =pt100 =pt",
    "reactor": "reactor reaktor innen inner internal solution losung loesung process prozess slurry =tr =ti",
    "concentration": "conc konz gehalt solute =c =ci =xc",
    "transmissivity": "transmi transm durchlass =trans",
    "turbidity": "turb trub trueb nephel scatter streulicht",
    "stirring": "stir agitat ruhr ruehr drehzahl impeller =rpm =speed",
    "count": "count particle partikel anzahl teilchen crystals kristalle",
    "size": "size diameter durchmesser chord sehnen grosse groesse =d43 =d32 =l43 =l32 =sauter",
    "none": "=",
    "mass": "solids feststoff suspensiondensity crystalmass kristallmasse",
}
"""Meaning -> stems that a name may hold; after "=" the whole word."""


def plain_words(text: str) -> list[str]:
    """Return a name's words in small letters without accents.

    >>> plain_words("Trübung_1 / T_Reaktor"), plain_words("meanSize")
    (['trubung', '1', 't', 'reaktor'], ['mean', 'size'])
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", parted) if not unicodedata.combining(sign))
    return re.findall(r"[a-z0-9%]+", plain.lower().replace("ß", "ss"))


def words_of(name: str) -> list[str]:
    """Return the words of a column's name; of a single letter, what it stands for: t is time, T is temperature."""
    return {"t": ["time"], "T": ["temp"]}.get(name.strip(), plain_words(name))


def has_stem(words: list[str], meaning: str) -> bool:
    """Whether a name says this: it holds one of the stems, or one of the whole words."""
    joined = "".join(words)
    return any(
        stem[1:] in words or joined == stem[1:] if stem.startswith("=") else stem in joined
        for stem in STEMS[meaning].split()
    )


def standard_unit(text: str) -> str | None:
    """Return a unit as column maps write it; None where it is none that is known.

    >>> standard_unit("°C"), standard_unit("U/min"), standard_unit("mbar"), standard_unit("remark")
    ('degC', 'rpm', 'mbar', None)
    """
    compact = "".join(text.split()).strip("[]()").lower()
    if compact in _STANDARD:
        return _STANDARD[compact]
    if (named := _NAMED_AMOUNT.fullmatch(text.strip().strip("[]()"))) is not None:
        return _STANDARD.get("".join(f"{named[1]}/{named[2]}".split()).lower())
    try:
        si_unit(text.strip())
    except ParameterError:
        return None
    return text.strip() if re.search(r"[A-Za-zµμΩ]", text) else None


def kind_of_unit(unit: str | None) -> str | None:
    """What a unit of `standard_unit` measures, as `UNIT_KINDS` says it; None: something else, or nothing."""
    return None if unit is None else UNIT_KINDS.get(unit)


_PER = re.compile(r"(?P<name>.*?)_+per_+(?P<unit>[a-zA-Z]+)")
"""A name such as crystals_per_kg, whose unit is one over something."""

_ENDINGS = (
    re.compile(r"(?P<name>.*?)\s*[\[(]\s*(?P<unit>[^\])]*?)\s*[\])]\s*\.?"),
    re.compile(r"(?P<name>.*?\S)\s*[,;:]\s*(?P<unit>\S+)"),
    re.compile(r"(?P<name>.*?\S)\s*/\s*(?P<unit>[^/\s][^/]*(?:/[^/]+)?)"),
    re.compile(r"(?P<name>.*?\S)\s+in\s+(?P<unit>\S+)"),
    re.compile(r"(?P<name>.*?[^_\s])_+(?P<unit>[^_\s]+(?:_per_[^_\s]+)?)"),
    re.compile(r"(?P<name>.*?\S)\s+(?P<unit>\S+)"),
)
"""How names carry units, the plainest first."""


def name_and_unit(header: str) -> tuple[str, str | None]:
    """Return a name without its unit, and the unit; None where it states none that is known.

    >>> name_and_unit("Temp. [°C]"), name_and_unit("c / g/L"), name_and_unit("time_h"), name_and_unit("T_r")
    (('Temp.', 'degC'), ('c', 'g/L'), ('time', 'h'), ('T_r', None))
    """
    text = header.strip()
    if (found := _PER.fullmatch(text)) and (unit := standard_unit(f"1/{found['unit']}")) is not None:
        return found["name"], unit
    for number, pattern in enumerate(_ENDINGS):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        written, name = found["unit"].replace("_per_", "/"), found["name"].strip()
        if number < len(_ENDINGS) - 2:
            unit = standard_unit(written)
        else:  # a bare word behind a blank or a stroke below may be anything
            unit = _STANDARD.get("".join(written.split()).lower())
            needed = _NAMED_BY.get(kind_of_unit(unit) or "", ())
            unit = unit if not needed or any(has_stem(words_of(name), meaning) for meaning in needed) else None
        if unit is not None:
            return name, unit
    return text, None


_NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "temperature": ("temperature", "setpoint", "jacket"),
    "time": ("time",),
    "count": ("none",),
}
"""Kind of a bare unit -> what the name must say for it: "T_min" is a least temperature, and "C" may be a column."""
