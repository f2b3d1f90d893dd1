"""Contract kits and named tolerances."""
