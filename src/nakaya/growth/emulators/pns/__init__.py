"""The probabilistic neural simulator PNS (Minartz et al. 2023), the rival of the CGNE paper."""
