"""What will become of a near-critical nucleus, told from one snapshot: labels, features, models, and their table."""
