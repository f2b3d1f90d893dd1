"""Bayesian optimisation: studies that survive a kill, tables of trainings, comparisons of samplers."""
