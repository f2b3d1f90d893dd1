"""How far the melt is undercooled, in space and time: by parameters, or as a file states it.

A file is an npz with three arrays: `time` in s, float [n], increasing from 0; `temperature` in K, float [n, *lattice];
and `liquidus` in K, one number. Between two times temperatures are linear; growth ends at the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from nakaya.core.archives import read_arrays
from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.model.setup import GrowthSetup

__all__ = ["TemperatureHistory"]

MAX_BYTES = 4 * 2**30


@dataclass(frozen=True, eq=False)
class TemperatureHistory:
    """Undercoolings at every site at some times.

    Attributes:
        times: s, float64 [n].
        undercoolings: K below the liquidus, float64 [n, *lattice].
        digest: sha256 of both.
    """

    times: FloatArray
    undercoolings: FloatArray
    digest: str

    @classmethod
    def from_arrays(cls, time: FloatArray, temperature: FloatArray, liquidus: float) -> TemperatureHistory:
        """Return the history of temperatures.

        Args:
            time: s, [n], increasing from 0.
            temperature: K, [n, *lattice].
            liquidus: K.

        Raises:
            ParameterError: Something is missing, no number, or no history; nothing is ever below the liquidus.

        >>> history = TemperatureHistory.from_arrays(np.array([0.0, 2.0]), np.full((2, 9, 8), 890.0), 893.0)
        >>> history.undercoolings.shape, float(history.undercoolings.max())
        ((2, 9, 8), 3.0)
        """
        time, temperature = np.asarray(time, np.float64), np.asarray(temperature, np.float64)
        if time.ndim != 1 or len(time) < 2 or time[0] != 0 or not (np.diff(time) > 0).all():
            raise ParameterError("time does not increase from 0 over two moments or more: give seconds, [n]")
        if temperature.ndim not in (3, 4) or len(temperature) != len(time):
            raise ParameterError(
                f"temperature has the shape {temperature.shape}: expected ({len(time)}, *lattice), a map for each time"
            )
        missing = ~np.isfinite(temperature)
        if missing.any():
            which = int(missing.reshape(len(time), -1).any(axis=1).argmax())
            raise ParameterError(
                f"temperature has gaps: {int(missing.sum())} values are not finite, the first at {time[which]:g} s; "
                "fill them in"
            )
        if temperature.min() <= 0:
            raise ParameterError(
                f"temperature goes down to {temperature.min():g} K, which none is: degrees Celsius, or a number that "
                "stands for a gap? Give kelvins, and fill gaps in"
            )
        if np.ndim(liquidus) != 0 or not (np.isfinite(liquidus) and liquidus > 0):
            raise ParameterError(f"liquidus={liquidus} is not one temperature in K")
        undercoolings = float(liquidus) - temperature
        if not (undercoolings > 0).any():
            raise ParameterError(
                f"temperature is never below the liquidus of {float(liquidus):g} K: the least is "
                f"{temperature.min():g} K, and nothing can grow"
            )
        digest = sha256_of_bytes(time.tobytes() + undercoolings.tobytes())
        return cls(time, undercoolings, digest)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> TemperatureHistory:
        """Read a file.

        Raises:
            InputFileError: There is none.
            FormatError: It is damaged, lacks an array, or has gaps.
        """
        arrays = read_arrays(Path(path), most=MAX_BYTES, what="file of temperatures")
        lacking = [name for name in ("time", "temperature", "liquidus") if name not in arrays]
        if lacking:
            raise FormatError(f"{path} lacks {', '.join(lacking)}: expected time, temperature and liquidus")
        try:
            return cls.from_arrays(arrays["time"], arrays["temperature"], arrays["liquidus"])  # type: ignore[arg-type]
        except (ParameterError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: {error}") from None

    def check(self, setup: GrowthSetup) -> None:
        """Refuse a lattice of another shape.

        Raises:
            ParameterError: It has.
        """
        if self.undercoolings.shape[1:] != setup.shape:
            given = self.undercoolings.shape[1:]
            raise ParameterError(
                f"temperatures are given for a lattice of {given}, not {setup.shape}: use --shape "
                f"{','.join(map(str, given))}"
            )

    def place(self, moment: float) -> tuple[int, float]:
        """The last time before a moment, and the fraction of the way to the next."""
        before = int(np.searchsorted(self.times, moment, side="right")) - 1
        before = min(max(before, 0), len(self.times) - 2)
        return before, float((moment - self.times[before]) / (self.times[before + 1] - self.times[before]))
