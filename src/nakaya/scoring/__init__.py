"""How far apart are two samples? Distances, proper scores, calibration, noise floors."""

from __future__ import annotations

from nakaya.scoring.binned import binned_wasserstein
from nakaya.scoring.bootstrap import Interval, draw_points, mean_interval, ratio_interval
from nakaya.scoring.calibration import (
    band_covers,
    central_band,
    pit_block,
    pit_coverage,
    pit_histogram,
    randomised_pit,
)
from nakaya.scoring.overlap import diversity, expected_iou, iou, iou_of_pairs
from nakaya.scoring.proper import brier_score, crps, energy_score, ensemble_brier_score
from nakaya.scoring.transport import wasserstein

__all__ = [
    "Interval",
    "band_covers",
    "binned_wasserstein",
    "brier_score",
    "central_band",
    "crps",
    "diversity",
    "draw_points",
    "energy_score",
    "ensemble_brier_score",
    "expected_iou",
    "iou",
    "iou_of_pairs",
    "mean_interval",
    "pit_block",
    "pit_coverage",
    "pit_histogram",
    "randomised_pit",
    "ratio_interval",
    "wasserstein",
]
