"""Conditions to trajectory: the everyday function."""

from __future__ import annotations

from collections.abc import Sequence

from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError
from nakaya.growth.catalogue import find_grower
from nakaya.growth.lattice.geometry import Geometry, Sites, make_setup
from nakaya.growth.model.conditions import Conditions
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.setup import StopRules
from nakaya.growth.model.trajectory import Trajectory

__all__ = ["grow"]

MAX_MEMBERS = 10_000_000
MAX_WORKERS = 4096


def grow(
    conditions: Conditions | Sequence[Conditions],
    *,
    model: str = "gravner-griffeath",
    geometry: str | Geometry = "sector",
    size: int,
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
        model: Name of a solver or an emulator.
        geometry: "sector" (mirrored 120 degree wedge), "full" (whole lattice), or a geometry object.
        size: Rows and columns of the lattice array, 8 to 16,384.
        members: Crystals at every point.
        seed: Non-negative; all noise derives from it.
        workers: Threads that may work at once; 1 = the calling thread alone.
        initial: Sites (row, column) of the initial crystals; by default the corner (sector) or the centre (full).
        edges: "reservoir" (default: far edge held at rho) or "periodic" (full lattice only).
        stop: When members stop; by default `StopRules()`.
        progress: Called with the number of members finished since the last call.

    Returns:
        A `Trajectory`; its arrays are [member, row, column] for one point, [point, member, row, column] for a sequence.

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
    points: list[Conditions] = [conditions] if isinstance(conditions, Conditions) else list(conditions)
    if not points:
        raise ParameterError("conditions=[] has no point: give at least one")
    grower = find_grower(model)
    for point in points:
        if not isinstance(point, Conditions) or point.family != grower.family:
            raise ParameterError(f"{point!r} is not a parameter point of {grower.family}, which {model} grows")
    setup = make_setup(geometry, size, initial=initial, edges=edges, stop=stop)
    members = check_count("members", members, 1, MAX_MEMBERS, ": it is the number of crystals at each point")
    seed = check_seed(seed)
    workers = check_count("workers", workers, 1, MAX_WORKERS, ": it is the number of threads that work at once")
    trajectory = grower.grow(points, setup, members=range(members), seed=seed, workers=workers, progress=progress)
    return trajectory.point(0) if is_one else trajectory
