"""What colours stand for: when a site attached, to which grain it belongs, how that is turned, or a final field."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import Float32Array, FloatArray, GrainMap, Mask
from nakaya.crystallography.inverse_pole_figure import inverse_pole_figure_colours
from nakaya.crystallography.symmetry import LAUE_CLASSES
from nakaya.growth.model.trajectory import INITIAL
from nakaya.viz.colour import grain_hues, oklab_to_srgb, srgb_to_linear, srgb_to_oklab
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme

__all__ = ["POLE_SYMMETRY", "attached_colours", "attached_light"]

GRAIN_CHROMA = 0.105

POLE_SYMMETRY = LAUE_CLASSES["m-3m"]
"""Of all grains: crystals of lattices here are cubic."""

POLES_IN_SPACE = {2: (1.0, 0.0, 0.0), 3: (0.0, 0.0, 1.0)}
"""Direction of the sample whose crystal direction is coloured. In the plane all grains have one axis along the normal,
so it is the one to the right."""

BOUNDARY_SHADE = 0.22
"""Lightness that sites beside another grain lose: grains of like colour are told apart."""


def attached_colours(view: CrystalView, theme: Theme) -> FloatArray:
    """Return the colours (OKLab) of attached sites: float64 [n, 3].

    The young end of the ramp stands for `view.last`, and each grain has a hue of its own.
    """
    attached = view.arrival >= INITIAL
    age = np.clip(view.arrival[attached] / max(view.last, 1), 0.0, 1.0)
    if view.field is not None:
        return srgb_to_oklab(view.ramp(theme)(view.field.fractions(attached)))
    if view.grain is None:
        return srgb_to_oklab(view.ramp(theme)(age))
    grain = view.grain[attached]
    if view.orientations is not None:
        rotations = Rotation.from_quat(view.orientations)
        colours = inverse_pole_figure_colours(rotations, POLE_SYMMETRY, POLES_IN_SPACE[view.dimension])
        lab = np.append(srgb_to_oklab(colours), [[0.5, 0.0, 0.0]], axis=0)[grain]  # -1, no grain, is the last
        lab[:, 0] -= BOUNDARY_SHADE * _beside_another(view.grain)[attached]
        return np.asarray(lab)
    dark, light = theme.grain_lightness
    hue = np.deg2rad(grain_hues(int(view.grain.max()) + 1))[np.maximum(grain, 0)]
    chroma = np.where(grain >= 0, GRAIN_CHROMA, 0.0)
    return np.stack([dark + (light - dark) * age, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)


def attached_light(view: CrystalView, theme: Theme) -> Float32Array:
    """Return the colours of attached sites as linear light: float32 [n, 3]."""
    return np.asarray(srgb_to_linear(oklab_to_srgb(attached_colours(view, theme))), np.float32)


def _beside_another(grain: GrainMap) -> Mask:
    """Sites whose next one along an axis belongs to another grain."""
    beside = np.zeros(grain.shape, np.bool_)
    for axis in range(grain.ndim):
        ahead = np.moveaxis(grain, axis, 0)
        differs = (ahead[1:] != ahead[:-1]) & (ahead[1:] >= 0) & (ahead[:-1] >= 0)
        np.moveaxis(beside, axis, 0)[:-1] |= differs
    return beside
