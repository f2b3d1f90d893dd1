"""Micrographs, EBSD maps and lattice images become records."""
