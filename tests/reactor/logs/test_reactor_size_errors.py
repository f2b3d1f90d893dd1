"""Errors of sizes measured crystal by crystal: of a mean, and of the rate at which it grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.reactor.logs.column_map import ColumnMap, SizeReports
from nakaya.reactor.logs.record import ingest_reports

MAP = ColumnMap("salt", reports=SizeReports(r"(?P<time>\d+) *min", "min", "um", "size/um"))
DIGITS = 1e-6
"""Relative; sizes are written with eight digits."""


def write(folder: Path, minutes: int, sizes: np.ndarray) -> None:
    lines = ["==report==", f"Total\t{sizes.size}", "No.\tsize/um"]
    lines += [f"{number}\t{size:.6f}\t" for number, size in enumerate(sizes, start=1)]
    (folder / f"{minutes} min.txt").write_text("\n".join([*lines, "===end==="]))


@pytest.mark.parametrize(("bend", "scaled"), [(0.0, False), (8.0, True)])
def test_the_rate_of_the_mean_is_a_weighted_line_and_its_error_widens_where_it_is_none(
    tmp_path: Path, bend: float, scaled: bool
) -> None:
    """Against numpy's weighted line: its covariance as the errors have it, or by the misfit where that is larger."""
    rng = np.random.default_rng(0)
    minutes = np.array([0, 10, 20, 30, 40])
    spread = np.linspace(-1, 1, 30)
    samples = [
        100 + 0.5 * t + bend * (t / 20 - 1) ** 2 + (20 + t / 4) * spread + rng.normal(0, 1e-3, 30) for t in minutes
    ]
    for t, sizes in zip(minutes.tolist(), samples, strict=True):
        write(tmp_path, t, sizes)
    record = ingest_reports(tmp_path, MAP).record
    means = np.array([sizes.mean() for sizes in samples]) * 1e-6
    errors = np.array([sizes.std(ddof=1) for sizes in samples]) / np.sqrt(30) * 1e-6
    shown = record.evidence["mean_size"]
    np.testing.assert_allclose(shown.values, means, rtol=DIGITS)
    np.testing.assert_allclose(shown.uncertainty, errors, rtol=1e-4)
    line, covariance = np.polyfit(60.0 * minutes, means, 1, w=1 / errors, cov=True if scaled else "unscaled")
    rate = record.quantities["mean_size_rate"]
    assert rate.value == pytest.approx(line[0], rel=1e-4)
    assert rate.standard_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-3)
