"""Exact solvers: one folder, one model."""
