"""Conditions to trajectory: the everyday function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError
from nakaya.growth.catalogue import DEFAULT_MODEL, MODELS, find_model
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.geometry import Geometry, Sites
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import StopRules
from nakaya.growth.model.trajectory import Trajectory

__all__ = ["grow"]

MAX_MEMBERS = 10_000_000
MAX_WORKERS = 4096


def grow(
    conditions: Conditions | Sequence[Conditions],
    *,
    model: str | GrowerModel = DEFAULT_MODEL,
    geometry: str | Geometry | None = None,
    size: int | None = None,
    shape: Sequence[int] | None = None,
    members: int = 1,
    seed: int,
    workers: int = 1,
    initial: Sites | None = None,
    edges: str | None = None,
    stop: StopRules | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """Grow crystals.

    The same seed gives the same crystals for any number of workers and members and any order of points.

    Args:
        conditions: One parameter point, or a sequence of points.
        model: Name of a solver or an emulator, or the statement of one.
        geometry: Name of a geometry that the model has, such as "sector" (a third of a six-fold crystal: a wedge of
            120 degrees between two mirrors) or "full" (whole
            lattice), or a geometry object; by default the model's first.
        size: Sites along every axis of the lattice array, 8 to 16,384; by default the model's.
        shape: Sites along each axis, in place of `size`.
        members: Crystals at every point.
        seed: Non-negative; all noise derives from it.
        workers: Threads that may work at once; 1 = the calling thread alone.
        initial: Sites (row, column) of the initial crystals; by default the corner (mirrored) or the centre (full).
        edges: "reservoir" (far edge held at the value far away), "periodic" or "insulated" (no flux through the far
            edge), as the geometry has it; by default its first.
        stop: When members stop; by default the model's rules.
        progress: Called with the number of members finished since the last call.

    Returns:
        A `Trajectory`; its arrays are [member, *lattice] for one point, [point, member, *lattice] for a sequence.

    Raises:
        ParameterError: A number that is out of range.
        UnknownNameError: A model, geometry or edge that does not exist.
        MissingExtraError: The model needs packages that are not installed.

    >>> import nakaya
    >>> crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, members=2, seed=7)
    >>> crystals.arrival.shape, int(crystals.arrival[0, 0, 0])
    ((2, 16, 16), 0)
    """
    is_one = isinstance(conditions, Conditions)
    stated = model if isinstance(model, GrowerModel) else find_model(model)
    if not is_one and not isinstance(conditions, Iterable):
        raise ParameterError(
            f"{conditions!r} is not a parameter point of {stated.family.family}, which {stated.name} grows, nor a "
            "sequence of points"
        )
    points: list[Conditions] = [conditions] if isinstance(conditions, Conditions) else list(conditions)
    if not points:
        raise ParameterError("conditions=[] has no point: give at least one")
    for point in points:
        if not isinstance(point, Conditions) or point.family != stated.family.family:
            others = [name for name, other in MODELS.load_all().items() if isinstance(point, other.family)]
            remedy = f": name model={others[0]!r}, which grows it" if others else ""
            raise ParameterError(
                f"{point!r} is not a parameter point of {stated.family.family}, which {stated.name} grows{remedy}"
            )
    setup = stated.setup(geometry, size, shape=shape, initial=initial, edges=edges, stop=stop)
    members = check_count("members", members, 1, MAX_MEMBERS, ": it is the number of crystals at each point")
    seed = check_seed(seed)
    workers = check_count("workers", workers, 1, MAX_WORKERS, ": it is the number of threads that work at once")
    trajectory = stated.make().grow(
        points, setup, members=range(members), seed=seed, workers=workers, progress=progress
    )
    return trajectory.point(0) if is_one else trajectory
