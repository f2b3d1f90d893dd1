"""Many crystals that nucleate and grow until they meet."""
