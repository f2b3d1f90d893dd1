"""`nakaya grow`: crystals from conditions. Parameters, geometries and stop rules are those that the model states."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand

from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import ParameterError
from nakaya.core.files import check_output
from nakaya.growth.catalogue import DEFAULT_MODEL, find_model
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.geometry import SITE_AXES
from nakaya.growth.model.parameters import Parameter
from nakaya.growth.model.trajectory import INITIAL, Trajectory

if TYPE_CHECKING:
    from nakaya.growth.solvers.phase_field.melt import Melt
    from nakaya.growth.solvers.phase_field.parameters import PureMelt

__all__ = ["command", "parse_shape", "parse_stop"]

TITLE = "Grow crystals with the exact solver of snow crystals, with another solver, or with an emulator."
"""Of the command without a model."""

HELP = """{title}

    Example: nakaya grow {example} --members 16 --seed 7 --out {out}.zarr

    The options are those of {name}{what}: nakaya grow MODEL --help shows those of another model, nakaya info lists all.
    Every crystal is stored as its arrival map (the step at which each site attached), which holds its whole history.
"""


MOST_LINES = 16
"""Crystals that have a line of their own."""


class GrowCommand(TyperCommand):
    """Gives the word to the command of the model that is named first, or by --model."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the words by the options of the model."""
        model = _named_in(args)
        if model == DEFAULT_MODEL:
            return super().make_context(info_name, args, parent, **extra)
        app = typer.Typer(add_completion=False)
        app.command("grow", context_settings=dict(self.context_settings))(_command_of(model))
        return typer.main.get_command(app).make_context(f"{info_name} {model}", args, parent, **extra)


def _named_in(words: Sequence[str]) -> str:
    """The model: a first word that is no option, or the value of --model."""
    for word, following in pairwise([*words, ""]):
        if word == "--model" and following:
            return following
        if word.startswith("--model="):
            return word.partition("=")[2]
    return words[0] if words and not words[0].startswith("-") else DEFAULT_MODEL


@cache
def _command_of(name: str) -> Callable[..., None]:
    """The command of a model, with its parameters, geometries and stop rules as options."""
    model = find_model(name)

    def grow(**options: Any) -> None:
        _grow(model, options)

    options = list(_options_of(model))
    grow.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # functions may carry one
    grow.__annotations__ = {option.name: option.annotation for option in options}
    fields = "".join(f", and {field.name} at the end" for field in model.fields)
    what = "" if name == DEFAULT_MODEL else f" ({_plural(model.noun)} on a {model.lattice.name} lattice{fields})"
    example, out = ("--rho 0.5 --size 64", "flakes") if name == DEFAULT_MODEL else (_example_of(model), "crystals")
    grow.__doc__ = HELP.format(
        title=TITLE if name == DEFAULT_MODEL else f"Grow crystals with {name}.",
        name=name,
        what=what,
        example=example,
        out=out,
    )
    return grow


def _plural(noun: str) -> str:
    return noun if noun.endswith("s") else f"{noun}s"


def _example_of(model: GrowerModel) -> str:
    """The model with a value for each parameter that needs one: the middle of its range."""
    ranges = {name: entry for name, entry in model.family.ranges.items() if entry.default is None}
    middles = (f"--{name.replace('_', '-')} {(entry.low + entry.high) / 2:g}" for name, entry in ranges.items())
    return " ".join([model.name, *middles])


def _option(name: str, kind: Any, default: Any, text: str, *flags: str, **how: Any) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(*flags, help=text, **how)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _options_of(model: GrowerModel) -> Iterator[inspect.Parameter]:
    """All options of a model: its parameters, its stop rules, and what every model has."""
    named = typer.Argument(metavar="MODEL", show_default=False, help="Solver or emulator; `nakaya info` lists them.")
    yield inspect.Parameter(
        "name", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, named]
    )
    for name, entry in model.family.ranges.items():
        default = inspect.Parameter.empty if entry.default is None else entry.default
        trained = model.trained_for.get(name)
        text = entry.sentence + ("" if trained is None else f" Trained for {trained[0]:g} to {trained[1]:g}.")
        yield _option(name, float, default, text)
    if model.is_of_melts:
        yield _option(
            "material",
            str | None,
            None,
            "Melt (aluminium, nickel, succinonitrile), or its TOML file.",
        )
        yield _option("undercooling_kelvin", float | None, None, "With --material, in place of --undercooling.")
    yield _option("out", Path | None, None, "Store to write (a new directory, such as flakes.zarr).")
    yield _option("model", str | None, None, "The model, where it is not the first word.", show_default=model.name)
    size = f"Sites along every axis of the {model.lattice.name} lattice, 8 to 16384."
    yield _option("size", int | None, None, size, show_default=str(model.size))
    example = ",".join(["64", "48", "32"][: model.dimension])
    yield _option("shape", str | None, None, f"Sites along each axis, in place of --size, such as {example}.")
    yield _option("members", int, 1, "Number of crystals.")
    yield _option("seed", int, 0, "Seed of all noise: same seed, same crystals.")
    yield _option("workers", int, 1, "Threads that may work at once; does not change the result.")
    geometries = " or ".join(f"{entry.name} ({entry.meaning})" for entry in model.geometries)
    yield _option("geometry", str | None, None, f"{geometries}.", show_default=model.geometries[0].name)
    edges = "; ".join(f"{' or '.join(entry.edges)} ({entry.name})" for entry in model.geometries)
    yield _option("edges", str | None, None, f"{edges}; the first is the default.")
    axes = ",".join(SITE_AXES[-model.dimension :]).upper()
    yield _option("initial", list[str] | None, None, f"Site of an initial crystal as {axes}; repeat for several.")
    for name, rule in model.stop_rules.items():
        text = f"Stop {rule.meaning}{', or never' if rule.is_optional else ''}."
        shown = False if isinstance(rule.default, str) else ("never" if rule.default is None else str(rule.default))
        yield _option(name, str | None, None, text, metavar="NUMBER", show_default=shown)
    if model.file is not None:
        yield _option(model.file.name, Path | None, None, f"{model.file.meaning}.")
    yield _option("overwrite", bool, False, "Replace an output that exists.", "--overwrite")
    yield _option("as_json", bool, False, "Print one JSON document.", "--json")


def _grow(model: GrowerModel, options: dict[str, Any]) -> None:
    from nakaya.growth.growing import grow
    from nakaya.growth.store.writing import save

    for word in (options["name"], options["model"]):
        if word not in (None, model.name):
            raise ParameterError(f"model {word!r} stands beside {model.name!r}: name one, as the first word after grow")
    if model.file is not None and options[model.file.name] is not None:
        model = model.file.model_of(options[model.file.name])
    out, overwrite = options["out"], options["overwrite"]
    melt = _melt_of(options)
    values = {name: options[name] for name in model.family.ranges}
    point = model.family(**values) if melt is None else _undercooled(melt, model, values, options)
    stop = model.stop(**parse_stop({name: options[name] for name in model.stop_rules}, model.stop_rules))
    if out is not None:
        check_output(out, overwrite=overwrite, sign="zarr.json")
    crystals = grow(
        point,
        model=model,
        **{name: options[name] for name in ("geometry", "size", "members", "seed", "workers", "edges")},
        shape=parse_shape(options["shape"]),
        initial=None if not options["initial"] else [_parse_site(text, model) for text in options["initial"]],
        stop=stop,
    )
    if melt is not None:
        from nakaya.growth.solvers.phase_field.melt import in_si

        crystals = in_si(crystals, melt, cast("PureMelt", point))
    if out is not None:
        save(crystals, out, overwrite=overwrite)
    notes = model.notes_on(point, crystals)
    summary = _summary(crystals) | {"notes": notes, "out": out}
    if options["as_json"]:
        echo_json(summary)
        return
    echo(*_told(summary))
    echo(*notes)
    if melt is not None:
        echo(*_told_in_si(crystals))
    echo(f"written to {out}" if out is not None else "not stored: give --out to keep the crystals")


def _melt_of(options: dict[str, Any]) -> Melt | None:
    """The melt that is named, for models that have any."""
    name, kelvin = options.get("material"), options.get("undercooling_kelvin")
    if (name is None) != (kelvin is None):
        raise ParameterError("--material and --undercooling-kelvin belong together: give both, or neither")
    if name is None:
        return None
    from nakaya.growth.solvers.phase_field.melt import read_melt

    return read_melt(name)


def _undercooled(melt: Melt, model: GrowerModel, values: dict[str, float], options: dict[str, Any]) -> PureMelt:
    """The melt's point; what differs from the model's defaults stands before the melt's own."""
    given = {name: value for name, value in values.items() if value != model.family.ranges[name].default}
    if "undercooling" in given:
        raise ParameterError("--undercooling and --undercooling-kelvin say the same: leave one out")
    return melt.point(cast("type[PureMelt]", model.family), options["undercooling_kelvin"], given)


def _told_in_si(crystals: Trajectory) -> Iterator[str]:
    """What a site and a step are, and how long and old the longest crystal is."""
    spacing, duration = crystals.metadata.site_spacing, crystals.metadata.step_duration
    if spacing is None or duration is None:
        return
    solid = crystals.arrival >= INITIAL
    axes = range(crystals.steps.ndim, solid.ndim)
    others = [tuple(other for other in axes if other != axis) for axis in axes]
    extent = max(int(solid.any(axis=other).sum(axis=-1).max()) for other in others)
    yield f"a site is {spacing * 1e6:.4g} um, a step {duration:.4g} s, by the melt's capillary length and diffusivity"
    oldest = int(crystals.steps.max()) * duration
    yield f"the longest crystal takes {extent * spacing * 1e6:.4g} um, the oldest {oldest:.4g} s"


def _told(summary: dict[str, Any]) -> Iterator[str]:
    """A line for each crystal, or what many have in common; and whether noise told them apart."""
    steps, areas = summary["steps"], summary["areas"]
    if len(steps) <= MOST_LINES:
        for number, (step, area, reason) in enumerate(zip(steps, areas, summary["stopped_by"], strict=True)):
            yield f"member {number}: {area} sites after {step} steps, stopped by {reason}"
    else:
        reasons = ", ".join(sorted(set(summary["stopped_by"])))
        yield (
            f"{len(steps)} crystals of {min(areas)} to {max(areas)} sites after {min(steps)} to {max(steps)} steps, "
            f"stopped by {reasons}"
        )
    if summary["distinct"] < len(steps):
        yield (
            f"of {len(steps)} crystals {summary['distinct']} are different: noise is too weak to tell all of them "
            "apart at these parameters and this size"
        )


def _summary(crystals: Trajectory) -> dict[str, Any]:
    """Model, parameters, geometry, seed and, for every member, steps, final area and stop reason."""
    lattice_axes = tuple(range(crystals.steps.ndim, crystals.arrival.ndim))
    return {
        "model": crystals.metadata.model,
        "parameters": crystals.parameters,
        "geometry": crystals.metadata.geometry,
        "seed": crystals.metadata.seed,
        "members": crystals.num_members,
        "time_resolution": crystals.metadata.time_resolution,
        "steps": crystals.steps.tolist(),
        "areas": (crystals.arrival >= INITIAL).sum(axis=lattice_axes).tolist(),
        "stopped_by": crystals.stopped_by.tolist(),
        "site_spacing": crystals.metadata.site_spacing,
        "length_unit": None if crystals.metadata.site_spacing is None else crystals.metadata.length_unit,
        "step_duration": crystals.metadata.step_duration,
        "time_unit": None if crystals.metadata.step_duration is None else crystals.metadata.time_unit,
        "distinct": len({crystal.tobytes() for crystal in crystals.arrival}),
    }


def _numbers(text: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        return None


def _parse_site(text: str, model: GrowerModel) -> tuple[int, ...]:
    site = _numbers(text)
    if site is None or len(site) != model.dimension:
        axes = ",".join(SITE_AXES[-model.dimension :]).upper()
        example = ",".join(["32"] * model.dimension)
        raise ParameterError(f"--initial {text!r} is not a site: write {axes}, such as {example}")
    return site


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Return the numbers that commas part; None stays None.

    Raises:
        ParameterError: They are no whole numbers.

    >>> parse_shape("64,48")
    (64, 48)
    """
    shape = None if text is None else _numbers(text)
    if text is not None and shape is None:
        raise ParameterError(f"--shape {text!r} is not a list of whole numbers: write, say, 64,48")
    return shape


def parse_stop(words: dict[str, str | None], rules: dict[str, Parameter]) -> dict[str, Any]:
    """Return the stop rules that words of the command line stand for; what is not given is left out.

    Raises:
        ParameterError: A word is no number, nor "never" where a rule may be off.
    """
    given: dict[str, Any] = {}
    for name, word in words.items():
        if word is None:
            continue
        rule, option = rules[name], f"--{name.replace('_', '-')}"
        try:
            given[name] = None if word == "never" and rule.is_optional else (int if rule.is_whole else float)(word)
        except ValueError:
            kind = "a whole number" if rule.is_whole else "a number"
            raise ParameterError(f"{option} {word!r} is not {kind}{' or never' if rule.is_optional else ''}") from None
    return given


command = typer.Typer(add_completion=False)
command.command("grow", cls=GrowCommand)(_command_of(DEFAULT_MODEL))
