"""The hexagonal lattice on a square array: neighbours, coordinates, symmetry, geometries, initial crystals."""
