"""Isothermal solidification by an Allen-Cahn equation: seeds grow or vanish, and interfaces move by driving force."""
