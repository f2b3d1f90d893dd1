"""Frames of atomistic trajectories from files."""
