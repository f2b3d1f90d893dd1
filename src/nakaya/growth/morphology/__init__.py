"""What does this crystal look like? Pure functions of occupancy and arrival maps."""

from __future__ import annotations

from nakaya.growth.lattice.history import counts_at, disconnected_share, identity_share
from nakaya.growth.morphology.counts import (
    SITE_AREA,
    area,
    boundary_sites,
    crofton_perimeter,
    on_boundary,
    perimeter,
)
from nakaya.growth.morphology.description import Morphology, describe, describe_trajectory
from nakaya.growth.morphology.growth_curve import GrowthCurve, growth_curve, mean_tip_velocity, tip_velocity
from nakaya.growth.morphology.shape import (
    arcs_on_rings,
    branch_count,
    fractal_dimension,
    gyration_radius,
    mass_within,
    reach,
    sixfold_order,
    tip_radius,
)

__all__ = [
    "SITE_AREA",
    "GrowthCurve",
    "Morphology",
    "arcs_on_rings",
    "area",
    "boundary_sites",
    "branch_count",
    "counts_at",
    "crofton_perimeter",
    "describe",
    "describe_trajectory",
    "disconnected_share",
    "fractal_dimension",
    "growth_curve",
    "gyration_radius",
    "identity_share",
    "mass_within",
    "mean_tip_velocity",
    "on_boundary",
    "perimeter",
    "reach",
    "sixfold_order",
    "tip_radius",
    "tip_velocity",
]
