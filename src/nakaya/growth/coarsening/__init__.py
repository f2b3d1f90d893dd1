"""Coarsening of a polycrystal: boundaries between grains move by their curvature."""
