"""From what models say to what a user asks: four quantities with intervals, and warnings where models do not know.

Grains per volume and the characteristic length follow from the growth velocity v and the nucleation rate J by the
closed forms of impingement (`nakaya.theory`): their uncertainty is propagated by sampling both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from pydantic import TypeAdapter, ValidationError

from nakaya.core.arrays import FloatArray
from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError, InputFileError, ParameterError, UnknownNameError
from nakaya.core.files import write_whole
from nakaya.core.reading import read_json
from nakaya.core.resumable import STAGED_SUFFIX, staged_folders
from nakaya.kinetics.models.conformal import normal_factor
from nakaya.kinetics.models.physics import critical_diameter
from nakaya.kinetics.prediction.rates import NucleationConditions, RateDraws
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.records.shipped import shipped_folder
from nakaya.theory import grains_per_volume, grains_with_sites, length_of_density

__all__ = [
    "CARD_FILE",
    "UNFINISHED",
    "UNITS",
    "Coverage",
    "Forecast",
    "ModelCard",
    "Part",
    "combine",
    "find_model_folder",
    "is_unfinished",
    "length_warnings",
    "range_warnings",
    "rate_refusal",
    "read_card",
    "shipped_models",
    "temperature_refusal",
    "write_card",
]

CARD_FILE: Final = "model.json"
UNFINISHED: Final = "model"
"""Folder, in the hidden one of a training, of what the training has finished."""

FORMAT = 1
MAX_CARD_BYTES = 1 << 20

UNITS: Final[Mapping[str, str]] = {
    "growth_velocity": "m/s",
    "nucleation_rate": "1/(m^3 s)",
    "nucleation_density": "1/m^3",
    "characteristic_length": "m",
}
LEVEL = 0.9
NUM_DRAWS = 20_000
COLDEST, HOTTEST = 0.3, 1.3
"""Fractions of the melting point between which interfaces are spoken of. Beyond a fifth to a third of superheating a
perfect crystal melts everywhere at once; below a third of the melting point a simple liquid is a glass, or freezes
everywhere before an interface has moved. Laws still give a number there (thousands of m/s at 5,000 K): it means
nothing."""

RATE_REACH = 0.1
"""Fraction of the melting point by which a temperature may lie outside of those at which nucleation was seen: beyond,
the barrier of classical theory has changed by as much as it is uncertain."""

WIDEST_RATE = 4.0
"""Decades that 90 % intervals of a rate may span: then the characteristic length, its fourth root, is known within a
factor of ten. What is wider is no prediction."""

_QUANTILES: Final = ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)

FEW_DIAMETERS = 5.0
"""Grains that meet before they are so many critical diameters wide never were crystals that grow."""


@dataclass(frozen=True)
class Coverage:
    """Under which conditions the training data of one material were taken.

    Attributes:
        orientations: Growth directions; empty for nucleation.
        temperature: Lowest and highest, K.
    """

    orientations: tuple[str, ...]
    temperature: tuple[float, float]


@dataclass(frozen=True)
class Part:
    """The model of one target for one kind of evidence.

    Attributes:
        target: Name of the quantity.
        evidence: "A" or "B".
        model: Name in the catalogue.
        settings: Of the fit.
        seed: Of the fit.
        factor: Half the width of 90 % intervals, in standard deviations of the model.
        least_spread: Standard deviations below this are not believed, on the scale of the target.
        note: What a reader should know of the intervals; may be empty.
        files: Subfolder of the fitted model; None = fitted again from the records when it is needed.
        scores: Model -> root mean square error in the cross-validation that chose among them.
        covers: Material -> training conditions.
        forecast: Errors of forecasts of the solid fraction in the cross-validation: of the network, of persistence
            and of constant velocity; empty for other models.
    """

    target: str
    evidence: EvidenceKind
    model: str
    settings: Mapping[str, float]
    seed: int
    factor: float
    least_spread: float
    note: str
    files: str | None
    scores: Mapping[str, float]
    covers: Mapping[str, Coverage]
    forecast: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.target not in UNITS:
            raise ParameterError(f"a part for target {self.target!r}: expected one of {', '.join(UNITS)}")
        if self.files is not None and not self.files.replace("-", "").replace("_", "").isalnum():
            raise ParameterError(f"subfolder {self.files!r}: expected letters, digits, - and _")
        if not (0 < self.factor < math.inf and 0 <= self.least_spread < math.inf):
            raise ParameterError(f"factor {self.factor} or least_spread {self.least_spread} is no positive number")

    def calibrated(self, standard_deviation: ArrayLike) -> FloatArray:
        """Standard deviations for which +-1.645 covers 90 %, from those of the model; same shape and scale."""
        return np.maximum(np.asarray(standard_deviation) * self.factor / normal_factor(LEVEL), self.least_spread)


@dataclass(frozen=True)
class ModelCard:
    """What the file model.json says.

    Attributes:
        name: Of the whole.
        records: Shipped set, or path, that it was fitted to: properties of materials and faces are read there.
        records_sha256: Over the records that it was fitted to.
        parts: One per target and evidence.
        nuclei: Shipped set, or path, with records of interfacial energies that `nakaya md rates` wrote; None = they are
            among `records`, if anywhere.
    """

    name: str
    records: str
    records_sha256: str
    parts: tuple[Part, ...]
    nuclei: str | None = None

    def part(self, target: str, evidence: EvidenceKind) -> Part | None:
        """The part for a target: that of the evidence, or the one that needs conditions only; None = there is none."""
        for kind in (evidence, "A"):
            for entry in self.parts:
                if (entry.target, entry.evidence) == (target, kind):
                    return entry
        return None


@dataclass(frozen=True)
class Forecast:
    """A normal distribution on the scale of a target, calibrated.

    Attributes:
        mean: m/s, or the decimal logarithm of the rate in 1/(m^3 s).
        standard_deviation: That for which +-1.645 covers 90 %.
    """

    mean: float
    standard_deviation: float


def shipped_models() -> dict[str, Path]:
    """Name -> folder of every model of kinetics that ships with the package."""
    root = shipped_folder("models")
    if not root.is_dir():
        return {}
    return {entry.name: entry for entry in sorted(root.iterdir()) if (entry / CARD_FILE).is_file()}


def find_model_folder(name_or_path: str | Path) -> Path:
    """Folder of a shipped model, or of one's own; a path that exists wins over a name.

    Of a training that is not finished it is the folder of what it has finished; see `is_unfinished`.

    Raises:
        UnknownNameError: Neither.
        InputFileError: A training is to lead there, and nothing of it is finished.
    """
    path = Path(name_or_path)
    if (path / CARD_FILE).is_file():
        return path
    if begun := sorted(staged_folders(path), key=lambda folder: folder.stat().st_mtime):
        if (begun[-1] / UNFINISHED / CARD_FILE).is_file():
            return begun[-1] / UNFINISHED
        raise InputFileError(f"{path}: its training has finished no part yet: go on with it first")
    shipped = shipped_models()
    if str(name_or_path) not in shipped:
        raise UnknownNameError("model of kinetics (or folder with a model.json)", str(name_or_path), shipped)
    return shipped[str(name_or_path)]


def is_unfinished(folder: Path) -> bool:
    """Whether a model's folder is that of a training which is not finished."""
    return folder.name == UNFINISHED and folder.parent.name.endswith(STAGED_SUFFIX)


def write_card(card: ModelCard, folder: Path) -> None:
    """Write model.json atomically.

    Raises:
        OutputError: The disk refuses.
    """
    document = {"format": FORMAT, "kind": "kinetics", **asdict(card)}
    write_whole(folder / CARD_FILE, dump_json(document))


def read_card(folder: Path) -> ModelCard:
    """Read model.json.

    Raises:
        InputFileError: It cannot be read.
        FormatError: It is none of ours, or damaged.
    """
    path = folder / CARD_FILE
    document = read_json(path, MAX_CARD_BYTES)
    try:
        if document["format"] != FORMAT or document["kind"] != "kinetics":
            raise FormatError(f"{path} is not a model of kinetics of format {FORMAT}: train it again")
        return TypeAdapter(ModelCard).validate_python(document)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(word) for word in problem["loc"])
        raise FormatError(f"{path} is damaged ({where}: {problem['msg']}): copy it again, or train again") from None
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged ({error}): copy it again, or train again") from None


def range_warnings(part: Part, sample: Sample) -> list[str]:
    """Say where a sample lies outside of what a model was trained on."""
    what = part.target.replace("_", " ")
    covered = part.covers.get(sample.material)
    if covered is None:
        return [f"{what}: no {sample.material} in the training (only {', '.join(sorted(part.covers))})"]
    found = []
    if covered.orientations and sample.orientation not in covered.orientations:
        found.append(
            f"{what}: no ({sample.orientation or '?'}) interfaces of {sample.material} in the training (only "
            f"{', '.join(covered.orientations)})"
        )
    low, high = covered.temperature
    if not low - 0.5 <= sample.temperature <= high + 0.5:
        found.append(
            f"{what}: {sample.temperature:g} K is outside the training range of {sample.material}, "
            f"{low:g} to {high:g} K"
        )
    return found


def temperature_refusal(sample: Sample) -> str | None:
    """Say why nothing is predicted at a temperature that is far from where crystal and melt meet; None = it is not."""
    melting = sample.table.melting_temperature
    if not (math.isfinite(melting) and melting > 0):
        return None
    low, high = COLDEST * melting, HOTTEST * melting
    if low <= sample.temperature <= high:
        return None
    return (
        f"temperature={sample.temperature:g} K is outside [{low:.0f}, {high:.0f}] K, {COLDEST:g} to {HOTTEST:g} times "
        f"the melting point of {sample.material}: there is no interface between crystal and melt to predict"
    )


def rate_refusal(part: Part, sample: Sample, standard_deviation: float) -> str | None:
    """Say why a nucleation rate is not given: it would be an extrapolation over decades; None = it is given.

    Args:
        part: Of the nucleation rate.
        sample: Its conditions.
        standard_deviation: Of the prediction, decades.
    """
    covered = part.covers.get(sample.material)
    if covered is None:
        return f"no crystal of {sample.material} was seen to nucleate in the training"
    low, high = covered.temperature
    reach = RATE_REACH * sample.table.melting_temperature
    if not low - reach <= sample.temperature <= high + reach:
        return (
            f"{sample.temperature:g} K is more than {reach:.0f} K ({RATE_REACH:g} T_m) away from where crystals of "
            f"{sample.material} were seen to nucleate, {low:g} to {high:g} K: the rate changes by decades on the way"
        )
    decades = 2 * normal_factor(LEVEL) * standard_deviation
    if decades > WIDEST_RATE:
        return f"its 90 % interval would span {decades:.1f} decades, more than {WIDEST_RATE:g}"
    return None


def combine(
    velocity: Forecast | None,
    rate: Forecast | RateDraws | None,
    *,
    rng: np.random.Generator,
    conditions: NucleationConditions | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the four quantities: {"value", "unit", "interval90"} each; None for what is not known.

    Args:
        velocity: m/s.
        rate: Of log10 of the rate in 1/(m^3 s).
        rng: Draws the samples.
        conditions: Particles in the melt, on which `rate` knows the rate.
    """
    found: dict[str, dict[str, Any]] = {name: _entry(name, None, None) for name in UNITS}
    factor = normal_factor(LEVEL)
    if velocity is not None:
        low, high = (velocity.mean + sign * factor * velocity.standard_deviation for sign in (-1, 1))
        found["growth_velocity"] = _entry("growth_velocity", velocity.mean, (low, high))
    if rate is None:
        return found
    if isinstance(rate, Forecast):
        middle = rate.mean
        low, high = (middle + sign * factor * rate.standard_deviation for sign in (-1, 1))
    else:
        low, middle, high = np.quantile(rate.log10_rate, _QUANTILES).tolist()
    found["nucleation_rate"] = _entry("nucleation_rate", _power(middle), (_power(low), _power(high)))
    if velocity is None:
        return found
    num = NUM_DRAWS if isinstance(rate, Forecast) else len(rate.log10_rate)
    velocities = velocity.mean + velocity.standard_deviation * rng.standard_normal(num)
    if isinstance(rate, Forecast):
        rates = rate.mean + rate.standard_deviation * rng.standard_normal(num)
    else:
        rates = rate.log10_rate
    growing = velocities > 0
    if growing.mean() < 0.5:
        return found  # it melts: grains do not meet
    if isinstance(rate, RateDraws) and rate.log10_site_rate is not None and conditions and conditions.site_density:
        densities = np.log10(
            grains_with_sites(
                10.0 ** np.clip(rates[growing], -300.0, 300.0),
                velocities[growing],
                site_density=conditions.site_density,
                site_rate=10.0 ** np.clip(rate.log10_site_rate[growing], -300.0, 300.0),
            )
        )
    else:
        densities = math.log10(grains_per_volume(1.0, 1.0)) + 0.75 * (rates[growing] - np.log10(velocities[growing]))
    low, middle, high = np.quantile(densities, _QUANTILES).tolist()
    found["nucleation_density"] = _entry("nucleation_density", _power(middle), (_power(low), _power(high)))
    lengths = [length_of_density(_power(exponent)) for exponent in (middle, high, low)]
    found["characteristic_length"] = _entry("characteristic_length", lengths[0], (lengths[1], lengths[2]))
    return found


def length_warnings(length: float | None, samples: Sequence[Sample]) -> list[str]:
    """Warn where grains would meet before they are wider than a few critical nuclei."""
    diameter = critical_diameter(samples[0]) if samples else None
    if length is None or diameter is None or length >= FEW_DIAMETERS * diameter:
        return []
    return [
        f"characteristic length: {length:.2g} m is less than {FEW_DIAMETERS:g} critical diameters of {diameter:.2g} m: "
        "grains meet before they grow, and the closed forms do not hold"
    ]


def _entry(name: str, value: float | None, interval: tuple[float, float] | None) -> dict[str, Any]:
    return {"value": value, "unit": UNITS[name], "interval90": None if interval is None else list(interval)}


def _power(exponent: float) -> float:
    return float(10.0 ** min(max(exponent, -300.0), 300.0))
