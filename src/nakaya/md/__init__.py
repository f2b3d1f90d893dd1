"""Molecular dynamics: run LAMMPS, follow the crystal by bond order, and say how fast it grows."""
