"""How fast, how many, how large: evidence, records, graphs, models."""
