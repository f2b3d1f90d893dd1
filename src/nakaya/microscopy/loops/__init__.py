"""Dislocation loops in bright-field TEM."""
