"""Benchmark problems of PFHub, the phase-field community's own: computed, told as a table, written to be uploaded."""
