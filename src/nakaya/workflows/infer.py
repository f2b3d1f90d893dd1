"""Which conditions grew this crystal? A store or a picture, a posterior, and crystals grown again to look at."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError, UnstatedError
from nakaya.core.files import check_output, write_whole
from nakaya.growth.catalogue import find_model
from nakaya.growth.grower_model import setup_from_metadata
from nakaya.growth.inference.answer import WARNS_BEYOND, Answer
from nakaya.growth.inference.package import PosteriorPackage
from nakaya.growth.inference.shipped import SHIPPED, find_posterior
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.store.store import open_store
from nakaya.scoring.overlap import iou
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.posterior import ShownParameter, posterior_corner
from nakaya.viz.crystals.figure import place_tiles
from nakaya.viz.crystals.view import view_crystal
from nakaya.viz.style import PIXELS_PER_INCH, find_theme, house_style
from nakaya.viz.writing import IMAGE_FORMATS, check_format, encode_image
from nakaya.workflows.crystal_pictures import read_crystal_picture

if TYPE_CHECKING:
    from nakaya.growth.inference.posterior import Posterior

__all__ = ["Inference", "Parameter", "draw_inference", "infer", "write_draws", "write_picture"]

MAX_DRAWS = 100_000
MAX_PREDICTED = 64

SLACK = 0.02
"""Fraction by which the extent of a crystal may leave those of the training: rounding to sites and pixels."""

PICTURE_WIDTH = 1440
CORNER_WIDTH = 720.0


@dataclass(frozen=True)
class Parameter:
    """The posterior of one parameter.

    Attributes:
        name: Of the parameter.
        symbol: As on axes.
        unit: Of all values.
        mean: Of the posterior, on the prior's scale.
        low: Lower end of the central 90 %.
        high: Upper end.
        prior: What was possible before: least and greatest value.
        scale: "linear" or "log".
        narrowed: Standard deviation of the posterior over the prior's.
        truth: What grew the crystal, where the store says it.
    """

    name: str
    symbol: str
    unit: str
    mean: float
    low: float
    high: float
    prior: tuple[float, float]
    scale: str
    narrowed: float
    truth: float | None


@dataclass(frozen=True)
class Inference:
    """What is said about one crystal.

    Attributes:
        source: The file.
        model: Name of the posterior.
        solver: What it says the crystal grew by.
        fixed: Parameters that it takes for known.
        parameters: The posterior of each parameter.
        correlation: Of the draws, on the scales of the prior.
        extent: Distance of the tip from the centre, in site spacings.
        distance: Mahalanobis distance of the crystal's measures from those of the training.
        expected_distance: Within which 99 % of the validation crystals lie.
        warnings: What a reader must know.
        notes: How the crystal was read.
        draws: Conditions drawn from the posterior, float64 [draw, parameter].
        predicted_overlap: Mean intersection over union of crystals grown from draws with this one; None without any.
        observed: The mirrored parts that were looked at, int32 [part, row, column].
        predicted: Crystals grown from draws, as large as this one, int32 [crystal, row, column].
        predicted_values: Their conditions, float64 [crystal, parameter].
        lattice: Name of the lattice.
        geometry: `GrowthSetup.as_metadata()` of the crystals.
    """

    source: Path
    model: str
    solver: str
    fixed: dict[str, float]
    parameters: tuple[Parameter, ...]
    correlation: FloatArray
    extent: float
    distance: float
    expected_distance: float
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    draws: FloatArray
    predicted_overlap: float | None
    observed: ArrivalMap
    predicted: ArrivalMap
    predicted_values: FloatArray
    lattice: str
    geometry: dict[str, Any]

    def as_plain(self) -> dict[str, Any]:
        """Everything but maps and draws, as JSON values."""
        left_out = ("draws", "observed", "predicted", "predicted_values", "geometry")
        return {name: value for name, value in asdict(self).items() if name not in left_out} | {
            "draws": len(self.draws)
        }


@dataclass(frozen=True)
class _Seen:
    """A crystal before it is asked about."""

    parts: ArrivalMap
    steps: IntArray | None
    truth: dict[str, float]
    notes: tuple[str, ...]


def infer(
    source: str | PathLike[str],
    *,
    model: str | None = None,
    point: int = 0,
    member: int = 0,
    spacing: float | None = None,
    is_whole: bool = True,
    angle: float = 0.0,
    draws: int = 2000,
    predicted: int = 5,
    seed: int = 0,
) -> Inference:
    """Return the posterior of the conditions that grew a crystal.

    Args:
        source: A store, or a picture.
        model: Name of a posterior that ships, or a folder; by default the one of the store's family.
        point: Of a store: number of the parameter point.
        member: Of a store: number of the crystal.
        spacing: Of a picture: length of a pixel, in the model's length unit where it has one, else in site spacings.
        is_whole: Of a picture: whether it shows the whole crystal, or its upper right quarter.
        angle: Of a picture: degrees from the rightward direction to an arm, anticlockwise.
        draws: From the posterior.
        predicted: Crystals to grow from draws.
        seed: Of draws and crystals.

    Raises:
        InputFileError, FormatError: The source cannot be read, or shows no crystal.
        ParameterError: The crystal is none that the posterior was trained for; the message says in what.
        UnstatedError: The posterior, or the length of a pixel, has to be given.
        MissingExtraError: torch, safetensors or zuko is not installed.
    """
    source = Path(source)
    check_count("draws", draws, 10, MAX_DRAWS)
    check_count("predicted", predicted, 0, MAX_PREDICTED, ": it is the number of crystals to grow from the posterior")
    check_seed(seed)
    if source.is_dir():
        posterior, seen = _of_store(source, model, point, member)
    else:
        posterior, seen = _of_picture(source, model, spacing, is_whole=is_whole, angle=angle)
    package = posterior.package
    extent = _check_extent(package, seen.parts)
    per_part = -(-draws // len(seen.parts))
    answers = posterior.ask(seen.parts, seen.steps, draws=per_part, seed=seed)
    answer = Answer(
        package.prior,
        np.concatenate([one.draws for one in answers]),
        float(np.median([one.distance for one in answers])),
        package.distances,
    )
    rng = np.random.default_rng(seed)
    chosen = answer.draws[rng.choice(len(answer.draws), predicted, replace=False)]
    grown = _grow_again(package, chosen, extent, seed)
    overlap = float(np.mean([iou(one >= INITIAL, seen.parts[0] >= INITIAL) for one in grown])) if predicted else None
    return Inference(
        source=source,
        model=package.name,
        solver=package.solver,
        fixed=package.fixed,
        parameters=_parameters(package, answer, seen.truth),
        correlation=answer.correlation,
        extent=extent,
        distance=answer.distance,
        expected_distance=package.distances[WARNS_BEYOND],
        warnings=tuple(_warnings(package, answer, answers)),
        notes=seen.notes,
        draws=answer.draws,
        predicted_overlap=overlap,
        observed=seen.parts,
        predicted=grown,
        predicted_values=chosen,
        lattice=package.lattice,
        geometry=package.geometry,
    )


def _of_store(source: Path, model: str | None, point: int, member: int) -> tuple[Posterior, _Seen]:
    store = open_store(source)
    metadata, geometry = store.metadata, store.metadata.geometry
    if model is None:
        names = [name for name, family in SHIPPED.items() if family == metadata.family]
        if not names:
            raise UnstatedError(
                f"no posterior ships for crystals of {metadata.family}: train one, and name it", "model"
            )
        model = names[0]
    posterior = find_posterior(model)
    package = posterior.package
    if metadata.family != package.family:
        raise ParameterError(
            f"{source} holds crystals of {metadata.family}, but {package.name} asks for {package.family}"
        )
    if geometry["name"] != package.geometry["name"] or store.lattice_shape != (package.size, package.size):
        raise ParameterError(
            f"{source} holds a {geometry['name']} of {' x '.join(map(str, store.lattice_shape))} sites: {package.name} "
            f"was trained on a {package.geometry['name']} of {package.size} x {package.size}"
        )
    if not 0 <= point < store.num_points or not 0 <= member < store.num_members:
        raise ParameterError(
            f"point {point}, member {member} does not exist: {source} holds {store.num_points} points of "
            f"{store.num_members} members, counted from 0"
        )
    one = store.load([point] if store.has_point_axis else None, [member]).point(0)
    values = {name: float(np.asarray(value)) for name, value in one.parameters.items()}
    known = {name: values[name] for name in package.prior.names}
    other = {name: values[name] for name, value in package.fixed.items() if not np.isclose(values[name], value)}
    notes = [
        f"{name} of this crystal is {value:g}, in the training {package.fixed[name]:g}: the posterior does not know"
        for name, value in other.items()
    ]
    return posterior, _Seen(one.arrival, one.steps, known, tuple(notes))


def _of_picture(
    source: Path, model: str | None, spacing: float | None, *, is_whole: bool, angle: float
) -> tuple[Posterior, _Seen]:
    if model is None:
        raise UnstatedError(f"{source.name} does not say what grew: name a posterior ({', '.join(SHIPPED)})", "model")
    posterior = find_posterior(model)
    package = posterior.package
    if package.settings.has_times:
        raise ParameterError(f"{package.name} is told attachment times, which no picture shows: name another posterior")
    in_sites = None if spacing is None else spacing / (package.site_spacing or 1.0)
    seen = read_crystal_picture(
        source, lattice=package.lattice, size=package.size, spacing=in_sites, is_whole=is_whole, angle=angle
    )
    return posterior, _Seen(seen.parts, None, {}, seen.notes)


def _radius(package: PosteriorPackage) -> FloatArray:
    sites = np.moveaxis(np.indices((package.size, package.size)), 0, -1)
    place = LATTICES[package.lattice].positions(sites)
    return np.asarray(np.hypot(place[..., 0], place[..., 1]))


def _check_extent(package: PosteriorPackage, parts: ArrivalMap) -> float:
    """Distance of the tip from the centre in site spacings: the mean over the parts.

    Raises:
        ParameterError: It is none of the training.
    """
    radius = _radius(package)
    extent = float(np.mean([radius[part >= INITIAL].max() for part in parts]))
    low, high = package.extents
    if not low * (1 - SLACK) <= extent <= high * (1 + SLACK):
        unit = f", {extent * package.site_spacing:.4g} {package.length_unit}" if package.site_spacing else ""
        raise ParameterError(
            f"the crystal reaches {extent:.1f} sites{unit} from its centre; {package.name} was trained on {low:.1f} to "
            f"{high:.1f} sites and says nothing about other sizes: is the length of a pixel right?"
        )
    return extent


def _grow_again(package: PosteriorPackage, values: FloatArray, extent: float, seed: int) -> ArrivalMap:
    """Crystals at some conditions as they were when they were so large: int32 [crystal, row, column]."""
    solver = find_model(package.solver)
    setup = setup_from_metadata(package.geometry, solver)
    if not len(values):
        return np.empty((0, package.size, package.size), np.int32)
    points = [
        solver.family(**package.fixed, **dict(zip(package.prior.names, row, strict=True))) for row in values.tolist()
    ]
    grown = solver.make().grow(points, setup, members=range(1), seed=seed).arrival[:, 0]
    radius = _radius(package)
    maps = []
    for one in grown:
        reached = one[(radius >= extent - 0.5) & (one >= INITIAL)]
        step = int(reached.min()) if len(reached) else int(one.max())
        maps.append(np.where(one <= step, one, NEVER))
    return np.stack(maps).astype(np.int32)


def _parameters(package: PosteriorPackage, answer: Answer, truth: dict[str, float]) -> tuple[Parameter, ...]:
    stated = find_model(package.solver).family.ranges
    prior, interval = package.prior, answer.interval()
    return tuple(
        Parameter(
            name=name,
            symbol=stated[name].symbol or name,
            unit=stated[name].unit,
            mean=float(answer.mean[place]),
            low=float(interval[place, 0]),
            high=float(interval[place, 1]),
            prior=(prior.low[place], prior.high[place]),
            scale=prior.scales[place],
            narrowed=float(answer.spread[place]),
            truth=truth.get(name),
        )
        for place, name in enumerate(prior.names)
    )


def _warnings(package: PosteriorPackage, answer: Answer, parts: list[Answer]) -> list[str]:
    found = []
    if answer.is_stranger:
        found.append(
            f"this crystal looks like none of the training: its measures lie {answer.distance:.1f} from theirs "
            f"(Mahalanobis), 99 % of the validation crystals within {answer.distances[WARNS_BEYOND]:.1f}; do not trust "
            "the posterior"
        )
    centres = package.prior.fractions(np.stack([one.mean for one in parts]))
    inside = np.stack([package.prior.fractions(one.draws).std(axis=0) for one in parts]).mean(axis=0)
    apart = centres.std(axis=0) > 2 * inside
    if apart.any():
        names = ", ".join(name for name, is_apart in zip(package.prior.names, apart, strict=True) if is_apart)
        found.append(
            f"the parts of the crystal say different things about {names}: it may not be one symmetric crystal"
        )
    return found


# What is written ------------------------------------------------------------------------------------------------------


def write_draws(inference: Inference, out: Path, *, overwrite: bool = False) -> None:
    """Write the draws as a table, a column for each parameter.

    Raises:
        OutputError: It exists, or cannot be written.
    """
    check_output(out, overwrite=overwrite)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([entry.name for entry in inference.parameters])
    writer.writerows([[f"{value:.8g}" for value in row] for row in inference.draws.tolist()])
    write_whole(out, stream.getvalue().encode(), overwrite=overwrite)


@house_style
def draw_inference(inference: Inference, *, theme: str = "dark") -> Image.Image:
    """Return a picture: the crystal beside some that were grown from draws, above the densities of the posterior.

    Args:
        inference: What was said.
        theme: "dark" or "light".
    """
    colours = find_theme(theme)
    # A picture knows no times: all crystals are drawn as shapes, in one colour.
    views = [
        view_crystal(
            np.where(one >= INITIAL, 1, NEVER).astype(np.int32),
            inference.geometry,
            steps=1,
            lattice=LATTICES[inference.lattice],
        )
        for one in (inference.observed[0], *inference.predicted)
    ]
    words = ", ".join(
        f"{entry.symbol} = {entry.mean:.3g} ({entry.low:.3g} to {entry.high:.3g})" for entry in inference.parameters
    )
    canvas, renderer, places = place_tiles(
        views,
        ["observed", *(_label(inference, row) for row in inference.predicted_values.tolist())],
        colours,
        PICTURE_WIDTH,
        min(len(views), 3),
        title="Which conditions grew this crystal?",
        subtitle=f"{words}: means and central 90 % of the posterior {inference.model}; beside what was observed, "
        "crystals grown from draws of it",
    )
    for view, place in zip(views, places, strict=True):
        canvas.picture(renderer.draw(view, colours), *place)
    canvas.scale_bar(renderer.frame.scale)
    above = canvas.image()
    figure = posterior_corner(
        inference.draws,
        [
            ShownParameter(
                entry.symbol if entry.unit == "1" else f"{entry.symbol} ({entry.unit})",
                *entry.prior,
                is_log=entry.scale == "log",
                truth=entry.truth,
            )
            for entry in inference.parameters
        ],
        colours,
        width=CORNER_WIDTH,
    )
    content = encode_figure(figure, "png", pixels_per_inch=round(PIXELS_PER_INCH * PICTURE_WIDTH / CORNER_WIDTH))
    below = Image.open(io.BytesIO(content)).convert("RGB")
    whole = Image.new("RGB", (max(above.width, below.width), above.height + below.height), colours.background)
    whole.paste(above, (0, 0))
    whole.paste(below, (0, above.height))
    return whole


def _label(inference: Inference, row: list[float]) -> str:
    return ", ".join(f"{entry.symbol} {value:.3g}" for entry, value in zip(inference.parameters, row, strict=True))


def write_picture(inference: Inference, out: Path, *, theme: str = "dark", overwrite: bool = False) -> None:
    """Write the picture of `draw_inference`, in the format of the ending of `out`.

    Raises:
        OutputError: It exists, or cannot be written.
        ParameterError: An ending that stands for no format.
    """
    check_format(out, IMAGE_FORMATS)
    check_output(out, overwrite=overwrite)
    image = draw_inference(inference, theme=theme)
    write_whole(out, encode_image(image, out, title="Posterior of a crystal's conditions"), overwrite=overwrite)
