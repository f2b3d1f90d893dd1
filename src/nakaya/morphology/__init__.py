"""What a crystal looks like: pure functions of occupancy and arrival maps."""
