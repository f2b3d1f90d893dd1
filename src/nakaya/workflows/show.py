"""Crystals to pictures: one crystal, an ensemble, an animation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.core.files import check_output, write_whole
from nakaya.growth.catalogue import model_of
from nakaya.growth.exchange.about import with_spacing
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.parameters import Parameter
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.store.store import open_store
from nakaya.viz.crystals.animation import Animation, growth_animation, turning_animation
from nakaya.viz.crystals.camera import Camera
from nakaya.viz.crystals.figure import crystal_figure
from nakaya.viz.crystals.video import CODECS, encode_video, find_ffmpeg
from nakaya.viz.crystals.view import CrystalView, ShownField, view_crystal
from nakaya.viz.formatting import format_count, format_parameters, join_words
from nakaya.viz.style import find_theme
from nakaya.viz.writing import ANIMATION_FORMATS, IMAGE_FORMATS, check_format, encode_image

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "animate_store",
    "check_request",
    "default_parameters",
    "describe_geometry",
    "draw_animation",
    "draw_crystal",
    "draw_ensemble",
    "name_parameters",
    "possible_colours",
    "show_store",
    "stated_parameters",
    "telling_parameters",
    "view_member",
    "write_image",
]

MOST_IN_TITLE = 3
"""More parameters than these make a title too long: then it has those without a default, and the subtitle the rest."""

NOISE = ("noise", "sigma")
"""Parameters by which models state the strength of noise."""

ANGLES = (("angle",), ("phi1", "Phi", "phi2"))
"""Final fields that hold orientations of grains, degrees: a turn about the normal, or Bunge's angles."""

STOP_WORDS = {"front": "front at the edge", "steps": "as asked", "no-growth": "no more growth"}


def view_member(
    trajectory: Trajectory,
    *,
    point: int = 0,
    member: int = 0,
    colour: str | None = None,
    cut: tuple[str, int] | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
) -> CrystalView:
    """Return one crystal of a trajectory as it is drawn: sectors unfolded, full lattices as they are.

    Args:
        trajectory: Crystals in memory.
        point: Number of the parameter point.
        member: Number of the crystal.
        colour: What colours stand for: one of `possible_colours`. By default the grain where there are grains, else the
            time. All members of the point have one scale of a field's colours.
        cut: Of three dimensions: the plane that is shown, such as ("layer", 32).
        camera: Of three dimensions: from where it is seen.
        is_open: Of three dimensions: cut away the corner towards who looks.

    Raises:
        ParameterError: There is no such point, member or plane, or its lattice cannot be drawn.
        UnknownNameError: A colour that these crystals do not have.
    """
    one = trajectory.point(point)
    if not 0 <= member < one.num_members:
        raise ParameterError(f"member {member} does not exist: there are {one.num_members} members, counted from 0")
    possible = possible_colours(one)
    if colour is not None and colour not in possible:
        raise UnknownNameError(f"colour for crystals of {one.metadata.model}", colour, possible)
    is_field = colour in {entry.name for entry in one.metadata.fields}
    return view_crystal(
        one.arrival[member],
        one.metadata.geometry,
        steps=int(one.steps[member]),
        grain=None if one.grain is None or colour == "time" else one.grain[member],
        lattice=LATTICES[one.metadata.lattice],
        field=_shown_field(one, colour, member) if colour is not None and is_field else None,
        cut=cut,
        orientations=_orientations(one, member) if colour == "orientation" else None,
        phase=one.fields["phase"][member] if "phase" in one.fields else None,
        camera=camera,
        is_open=is_open,
        has_noise=any(float(np.asarray(one.parameters.get(name, 0.0))) > 0 for name in NOISE),
    )


def possible_colours(trajectory: Trajectory) -> tuple[str, ...]:
    """Return what colours can stand for: "time", "grain" and "orientation" where known, and each final field.

    >>> import nakaya
    >>> possible_colours(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7))
    ('time',)
    """
    fields = tuple(entry.name for entry in trajectory.metadata.fields)
    has_grain = trajectory.grain is not None
    known = {"time": True, "grain": has_grain, "orientation": has_grain and _angle_names(fields) is not None}
    return (*(name for name, is_known in known.items() if is_known), *fields)


def _angle_names(fields: Sequence[str]) -> tuple[str, ...] | None:
    """The final fields that hold orientations of grains, if there are any."""
    return next((names for names in ANGLES if set(names) <= set(fields)), None)


def _orientations(one: Trajectory, member: int) -> FloatArray:
    """Quaternions (x, y, z, w) from sample to crystal, float64 [grain, 4]; a number without a site has no turn."""
    names = _angle_names(tuple(one.fields)) or ()
    assert one.grain is not None
    grain = one.grain[member]
    numbers, sites = np.unique(grain, return_index=True)
    angles = np.zeros((int(grain.max(initial=0)) + 1, len(names)))
    for place, name in enumerate(names):
        angles[numbers[numbers >= 0], place] = one.fields[name][member].ravel()[sites[numbers >= 0]]
    turns = "Z" if len(names) == 1 else "ZXZ"
    return np.asarray(Rotation.from_euler(turns, angles, degrees=True).inv().as_quat(), np.float64)


def _shown_field(one: Trajectory, name: str, member: int) -> ShownField:
    stated = {entry.name: entry for entry in one.metadata.fields}[name]
    values = one.fields[name]
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ParameterError(f"{name} has no finite value in this crystal, so there is nothing to show")
    words = name.replace("_", " ")
    label = words if stated.unit == "1" else f"{words} ({stated.unit})"
    meaning = f"{stated.meaning[:1].upper()}{stated.meaning[1:]}." if stated.unit == "1" else ""
    return ShownField(values[member], float(finite.min()), float(finite.max()), label, meaning)


def telling_parameters(trajectory: Trajectory) -> dict[str, float]:
    """Return the parameters of one point that have no default, or another value than it, by name."""
    defaults = default_parameters(trajectory.metadata)
    values = {name: float(np.asarray(value)) for name, value in trajectory.parameters.items()}
    return {name: value for name, value in values.items() if defaults.get(name) != value}


def stated_parameters(metadata: TrajectoryMetadata) -> Mapping[str, Parameter]:
    """Return what a trajectory's model states of its parameters, by name; nothing for a model that is unknown."""
    model = model_of(metadata)
    return {} if model is None else model.family.ranges


def default_parameters(metadata: TrajectoryMetadata) -> dict[str, float]:
    """Return the parameters of a trajectory's model that have a default, by name; none for a model that is unknown."""
    stated = stated_parameters(metadata)
    return {name: entry.default for name, entry in stated.items() if entry.default is not None}


def name_parameters(metadata: TrajectoryMetadata, parameters: Mapping[str, float]) -> str:
    """Return parameters as one line of equations, with the symbols and units that the model states."""
    stated = stated_parameters(metadata)
    equations = []
    for name, value in parameters.items():
        entry = stated.get(name)
        unit = "" if entry is None or entry.unit == "1" else f" {entry.unit}"
        equations.append(format_parameters({(entry.symbol if entry else "") or name: value}) + unit)
    return ",  ".join(equations)


def describe_geometry(metadata: TrajectoryMetadata) -> str:
    """Return a lattice in words: "sector of 64 × 64 sites"."""
    geometry: Mapping[str, Any] = metadata.geometry
    kind = "lattice" if geometry.get("name") == "full" else str(geometry.get("name"))
    joined = "periodic " if geometry.get("edges") == "periodic" else ""
    sides = geometry.get("shape") or [geometry.get("size")] * metadata.dimension
    return f"{joined}{kind} of {' × '.join(map(str, sides))} sites"


def draw_crystal(
    trajectory: Trajectory,
    *,
    point: int = 0,
    member: int = 0,
    step: int | None = None,
    theme: str = "dark",
    width: int = 1200,
    colour: str | None = None,
    cut: tuple[str, int] | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
) -> Image:
    """Return a figure of one crystal: title, scale bar, colour bar, and what a reader must know about it.

    Args:
        trajectory: Crystals in memory.
        point: Number of the parameter point.
        member: Number of the crystal.
        step: Show it after this many steps; by default at the end.
        theme: "dark" or "light".
        width: Pixels across, 160 to 4096.
        colour: What colours stand for, as in `view_member`.
        cut: The plane that is shown, as in `view_member`.
        camera: From where a crystal in three dimensions is seen.
        is_open: Whether the corner of its lattice towards who looks is cut away.

    Raises:
        ParameterError: A number out of range, or a lattice that cannot be drawn.
        UnknownNameError: A theme that does not exist, or a colour that these crystals do not have.

    >>> import nakaya
    >>> picture = draw_crystal(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7), width=320)
    >>> picture.size[0]
    320
    """
    one = trajectory.point(point)
    view = view_member(one, member=member, colour=colour, cut=cut, camera=camera, is_open=is_open)
    return _figure(one, view, member, member, step, theme, width)


def _figure(
    one: Trajectory, view: CrystalView, place: int, member: int, step: int | None, theme: str, width: int
) -> Image:
    """Draw the crystal at `place` of `one`; `member` is its number where it comes from."""
    stopped = f"stopped after {format_count(view.last, 'step')} ({STOP_WORDS[str(one.stopped_by[place])]})"
    return crystal_figure(
        [view],
        find_theme(theme),
        title=_title(one),
        subtitle=join_words([_origin(one), f"member {member}", stopped]),
        width=width,
        step=step,
        site_spacing=with_spacing(one).metadata.site_spacing if one.metadata.length_unit == "m" else None,
    )


def draw_ensemble(
    trajectory: Trajectory,
    *,
    point: int = 0,
    step: int | None = None,
    theme: str = "dark",
    width: int = 1600,
    colour: str | None = None,
    cut: tuple[str, int] | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
) -> Image:
    """Return all members at one point, at one scale and on one clock; arguments and errors as `draw_crystal`."""
    one = trajectory.point(point)
    return crystal_figure(
        [
            view_member(one, member=member, colour=colour, cut=cut, camera=camera, is_open=is_open)
            for member in range(one.num_members)
        ],
        find_theme(theme),
        labels=[f"member {member}" for member in range(one.num_members)],
        title=_title(one, many=one.num_members > 1),
        subtitle=join_words([_origin(one), format_count(one.num_members, "member")]),
        width=width,
        step=step,
    )


def draw_animation(
    trajectory: Trajectory,
    *,
    point: int = 0,
    member: int | None = 0,
    theme: str = "dark",
    width: int = 540,
    frames: int = 60,
    frame_ms: int = 50,
    colour: str | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
    is_turning: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Animation:
    """Return the growth of one member, or (member None) of all members at a point side by side.

    Args:
        trajectory: Crystals in memory.
        point: Number of the parameter point.
        member: Number of the crystal, or None.
        theme: "dark" or "light".
        width: Pixels across.
        frames: At most this many, at equal strides of physical steps.
        frame_ms: Milliseconds that each is shown, 20 or more; the last is held for 2.5 s.
        colour: What colours stand for, as in `view_member`; a final field of a turning crystal alone.
        camera: From where a crystal in three dimensions is seen, as in `draw_crystal`.
        is_open: As in `draw_crystal`.
        is_turning: Turn the whole crystal once about its upright axis in place of its growth; of three dimensions.
        progress: Called after every frame with how many are done, of how many.

    Raises:
        ParameterError: A number out of range, or a lattice that cannot be drawn.
        UnknownNameError: A theme that does not exist.

    >>> import nakaya
    >>> crystals = nakaya.grow(
    ...     nakaya.GravnerGriffeath(rho=0.6), size=16, seed=7, stop=nakaya.StopRules(max_steps=40)
    ... )
    >>> film = draw_animation(crystals, frames=5, width=200)
    >>> len(film.frames), film.steps[-1]
    (5, 40)
    """
    one = trajectory.point(point)
    members = range(one.num_members) if member is None else [member]
    animate = turning_animation if is_turning else growth_animation
    return animate(
        [view_member(one, member=number, colour=colour, camera=camera, is_open=is_open) for number in members],
        [f"member {number}" for number in members],
        find_theme(theme),
        title=_title(one, many=len(members) > 1),
        subtitle=_origin(one),
        width=width,
        frames=frames,
        frame_ms=frame_ms,
        progress=progress,
    )


def show_store(
    path: str | PathLike[str],
    out: str | PathLike[str],
    *,
    point: int = 0,
    member: int | None = 0,
    step: int | None = None,
    theme: str = "dark",
    width: int | None = None,
    colour: str | None = None,
    cut: tuple[str, int] | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Draw a crystal of a store, or (member None) all members at a point, and write the picture.

    Returns:
        What was written, as plain values.

    Raises:
        OutputError: The output exists, or cannot be written.
        InputFileError, FormatError: There is no store, or it is damaged.
        ParameterError, UnknownNameError: As `draw_crystal`.
    """
    out = check_request(out, theme, overwrite=overwrite)
    crystals, about = _load_point(path, point, member)
    chosen: Any = {"colour": colour, "cut": cut, "camera": camera, "is_open": is_open}
    if member is None:
        image = draw_ensemble(crystals, step=step, theme=theme, width=width or 1600, **chosen)
    else:
        view = view_member(crystals, **chosen)
        image = _figure(crystals, view, 0, member, step, theme, width or 1200)
    written = write_image(image, out, title=_title(crystals), overwrite=overwrite)
    shown = {"colour": colour, "plane": None if cut is None else f"{cut[0]}={cut[1]}"}
    return written | about | {"steps": crystals.steps.tolist(), "shown_at": step} | shown


def animate_store(
    path: str | PathLike[str],
    out: str | PathLike[str],
    *,
    point: int = 0,
    member: int | None = 0,
    theme: str = "dark",
    width: int = 540,
    frames: int = 60,
    frame_ms: int = 50,
    colour: str | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
    is_turning: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Animate a crystal of a store, or (member None) all members at a point, and write the animation.

    Returns:
        What was written, as plain values.

    Raises:
        OutputError: The output exists, or cannot be written.
        InputFileError, FormatError: There is no store, or it is damaged; or a video is asked for without ffmpeg.
        ParameterError, UnknownNameError: As `draw_animation`.
        NakayaError: ffmpeg fails.
    """
    out = check_request(out, theme, formats=ANIMATION_FORMATS, overwrite=overwrite)
    if check_format(out, ANIMATION_FORMATS) in CODECS:
        find_ffmpeg()  # before the work
    crystals, about = _load_point(path, point, member)
    chosen = None if member is None else 0
    animation = draw_animation(
        crystals,
        member=chosen,
        theme=theme,
        width=width,
        frames=frames,
        frame_ms=frame_ms,
        colour=colour,
        camera=camera,
        is_open=is_open,
        is_turning=is_turning,
        progress=progress,
    )
    kind = check_format(out, ANIMATION_FORMATS)
    content = encode_video(animation, kind, title=_title(crystals)) if kind in CODECS else animation.encode(kind)
    written = _write(out, content, animation.frames[0], _title(crystals), overwrite=overwrite)
    seconds = sum(animation.durations_ms) / 1000
    return written | about | {"frames": len(animation.frames), "steps": list(animation.steps), "seconds": seconds}


def check_request(
    out: str | PathLike[str], theme: str, *, formats: dict[str, str] = IMAGE_FORMATS, overwrite: bool
) -> Path:
    """Return where a picture shall be written, after a check of all that can be checked before it is drawn.

    Raises:
        OutputError: It exists and may not be replaced, or cannot be written.
        ParameterError: An ending that stands for no format.
        UnknownNameError: A theme that does not exist.
    """
    out = Path(out)
    check_format(out, formats)
    find_theme(theme)
    check_output(out, overwrite=overwrite)
    return out


def write_image(image: Image, out: Path, *, title: str, overwrite: bool) -> dict[str, Any]:
    """Write an image, in the format of its ending, and return what was written.

    Raises:
        OutputError: It cannot be written; nothing is left behind.
        ParameterError: An ending that stands for no format.
    """
    return _write(out, encode_image(image, out, title=title), image, title, overwrite=overwrite)


def _write(out: Path, content: bytes, image: Image, title: str, *, overwrite: bool) -> dict[str, Any]:
    write_whole(out, content, overwrite=overwrite)
    return {"out": out, "width": image.width, "height": image.height, "bytes": len(content), "title": title}


def _load_point(path: str | PathLike[str], point: int, member: int | None) -> tuple[Trajectory, dict[str, Any]]:
    """Read the crystals of one point (without an axis of points), or one of them, and what to say about them."""
    store = open_store(path)
    if not 0 <= point < store.num_points:
        raise ParameterError(f"point {point} does not exist: {path} holds {store.num_points} points, counted from 0")
    if member is not None and not 0 <= member < store.num_members:
        raise ParameterError(
            f"member {member} does not exist: {path} holds {store.num_members} members at each point, counted from 0"
        )
    points = [point] if store.has_point_axis else None
    crystals = store.load(points, None if member is None else [member]).point(0)
    about = {"source": Path(path), "point": point, "member": member, "members": crystals.num_members}
    return crystals, about


def _split_parameters(one: Trajectory) -> tuple[dict[str, float], dict[str, float]]:
    """The telling parameters that go into the title, and those that go below it because they are too many."""
    telling = telling_parameters(one)
    if len(telling) <= MOST_IN_TITLE:
        return telling, {}
    defaults = default_parameters(one.metadata)
    required = {name: value for name, value in telling.items() if name not in defaults}
    return required, {name: value for name, value in telling.items() if name in defaults}


def _title(one: Trajectory, *, many: bool = False) -> str:
    model = model_of(one.metadata)
    noun = ("Crystal" if model is None else model.noun) + ("s" if many else "")
    parameters, _ = _split_parameters(one)
    return f"{noun},  {name_parameters(one.metadata, parameters)}" if parameters else noun


def _origin(one: Trajectory) -> str:
    resolution = one.metadata.time_resolution
    coarse = f"arrival times to {resolution} steps" if resolution > 1 else ""
    _, others = _split_parameters(one)
    place = describe_geometry(one.metadata)
    return join_words(
        [name_parameters(one.metadata, others), one.metadata.model, place, f"seed {one.metadata.seed}", coarse]
    )
