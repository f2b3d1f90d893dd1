"""Solvers and emulators grow crystals, and a store keeps them."""
