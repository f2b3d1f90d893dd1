"""Dendrites of a pure melt after Karma & Rappel (1998)."""
