"""The crystals of a store as a data set of PyTorch, for networks of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.core.errors import MissingExtraError, ParameterError, UnknownNameError
from nakaya.growth.model.trajectory import INITIAL, Trajectory
from nakaya.growth.store.reading import along
from nakaya.growth.store.splits import split_points
from nakaya.growth.store.store import StoredTrajectory, open_store

try:
    import torch
    from torch import Tensor
    from torch.utils.data import Dataset
except ImportError:
    raise MissingExtraError("data sets of PyTorch", "ml") from None

__all__ = ["CrystalDataset"]


class CrystalDataset(Dataset[dict[str, Any]]):
    """The crystals of a store, one an item, points outermost; a `DataLoader` makes batches of them.

    An item is a dictionary:

    - `parameters`: float32 [parameter], in the order of `parameter_names`.
    - `arrival`: int32 [*lattice], step at which the site attached, 0 = initial crystal, -1 = never; with `in_time`
      float32 in `metadata.time_unit`, NaN = never.
    - `steps`: int64 [], steps until the crystal stopped; `stop_code`: int64 [], index into `STOP_REASONS`.
    - `point`, `member`: int64 [], which crystal it is.
    - `grain`: int32 [*lattice], where the store has it; `fields`: name -> float32 [*lattice], where it has any.

    Crystals are read from the store when they are asked for: at random, each read decodes the members that share its
    chunk. What fits the memory is faster with `in_memory`. Worker processes that fork or spawn may share it.

    Args:
        store: A store that is open, or its path.
        points: Slice or list of points, or truth values; None: all.
        parameters: Names of the parameters that items have; None: all.
        in_time: Whether attachment times are given in units of time.
        in_memory: Whether all crystals are read now and kept.
        transform: Changes an item before it is given; a function that a worker process can import, or None.

    Raises:
        UnknownNameError: The store has no such parameter.
        ParameterError: Crystals are not computed yet, or the duration of a step is not known.
        MissingExtraError: torch is not installed.

    >>> import tempfile, nakaya
    >>> path = tempfile.mkdtemp() + "/flakes.zarr"
    >>> points = [nakaya.GravnerGriffeath(rho=rho) for rho in (0.4, 0.5, 0.6)]
    >>> nakaya.save(nakaya.grow(points, size=16, members=2, seed=7), path)
    >>> crystals = nakaya.CrystalDataset(path, parameters=["rho"])
    >>> len(crystals), crystals[4]["parameters"].tolist(), tuple(crystals[4]["arrival"].shape)
    (6, [0.6000000238418579], (16, 16))
    >>> sorted(crystals.split({"train": 0.8, "test": 0.2}, seed=0))
    ['test', 'train']
    """

    def __init__(
        self,
        store: StoredTrajectory | str | PathLike[str],
        *,
        points: slice | Sequence[int] | IntArray | None = None,
        parameters: Sequence[str] | None = None,
        in_time: bool = False,
        in_memory: bool = False,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        self.store = store if isinstance(store, StoredTrajectory) else open_store(store)
        self.points, _ = along(slice(None) if points is None else points, self.store.num_points, "point")
        self.parameter_names = tuple(self.store.parameters if parameters is None else parameters)
        for name in self.parameter_names:
            if name not in self.store.parameters:
                raise UnknownNameError("parameter", name, self.store.parameters)
        if in_time and self.store.metadata.step_duration is None:
            raise ParameterError(
                f"{self.store.path} does not say how long a step is: leave in_time out, steps are given"
            )
        self.in_time, self.in_memory, self.transform = in_time, in_memory, transform
        missing = ~np.atleast_2d(self.store.computed)[self.points]
        if missing.any():
            raise ParameterError(
                f"{int(missing.sum())} of {missing.size} crystals of {self.store.path} are not computed yet: go on "
                "with the campaign, or name points that are complete"
            )
        self._kept = self._load(self.points, None) if in_memory else None

    def _load(self, points: IntArray, members: IntArray | None) -> Trajectory:
        return self.store.load(points if self.store.has_point_axis else None, members)

    def __len__(self) -> int:
        return len(self.points) * self.store.num_members

    def __getitem__(self, index: int) -> Any:  # an item, or what `transform` makes of it
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return several items; what lies at one point is read together."""
        rows, members = np.divmod([self._checked(index) for index in indices], self.store.num_members)
        items: dict[int, Any] = {}
        for row in np.unique(rows).tolist():
            here = np.flatnonzero(rows == row)
            if self._kept is None:
                grown, places = self._load(self.points[[row]], members[here]), range(len(here))
                grown = grown.point(0)
            else:
                grown, places = self._kept.point(row), members[here].tolist()
            for place, position in zip(places, here.tolist(), strict=True):
                items[position] = self._item(grown, place, int(self.points[row]), int(members[position]))
        return [items[position] for position in range(len(indices))]

    def _checked(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"crystal {index} is out of range: there are {len(self)}")
        return index % len(self)

    def _item(self, grown: Trajectory, place: int, point: int, member: int) -> Any:
        values = [float(grown.parameters[name]) for name in self.parameter_names]
        item: dict[str, Any] = {
            "parameters": torch.tensor(values, dtype=torch.float32),
            "arrival": self._arrival(grown.arrival[place]),
            "steps": torch.tensor(int(grown.steps[place])),
            "stop_code": torch.tensor(int(grown.stop_codes[place])),
            "point": torch.tensor(point),
            "member": torch.tensor(member),
        }
        if grown.grain is not None:
            item["grain"] = torch.tensor(grown.grain[place])
        if grown.fields:
            item["fields"] = {name: torch.tensor(field[place]) for name, field in grown.fields.items()}
        return item if self.transform is None else self.transform(item)

    def _arrival(self, arrival: Any) -> Tensor:
        if not self.in_time:
            return torch.tensor(arrival)
        duration = self.store.metadata.step_duration
        assert duration is not None  # checked when it was built
        return torch.tensor(np.where(arrival >= INITIAL, arrival * duration, np.nan).astype(np.float32))

    def split(self, fractions: Mapping[str, float], seed: int) -> dict[str, CrystalDataset]:
        """Divide the crystals among named parts; all members of a point stay together.

        To which part a point belongs depends on its number, the store's number of points, the fractions and the seed
        alone: it is the same in every version, and for every choice of `points`.

        Args:
            fractions: Share of each part, such as {"train": 0.8, "test": 0.2}; they sum to 1.
            seed: Non-negative.

        Raises:
            ParameterError: The fractions do not sum to 1, or there are fewer points than parts.
        """
        parts = split_points(self.store.num_points, fractions, seed)
        return {
            name: CrystalDataset(
                self.store,
                points=self.points[np.isin(self.points, part)],
                parameters=self.parameter_names,
                in_time=self.in_time,
                in_memory=self.in_memory,
                transform=self.transform,
            )
            for name, part in parts.items()
        }
