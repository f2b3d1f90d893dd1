"""The vocabulary that every room shares: errors, arrays, conditions, randomness, growers, trajectories, records."""
