"""Crystals as pictures: one renderer, figures, grids, animations."""
