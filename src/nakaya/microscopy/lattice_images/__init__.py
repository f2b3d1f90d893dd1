"""Atomic-resolution images: local lattices, domains, stacking faults."""
