"""Grains as a map of labels: what they measure, who neighbours whom, and maps whose answers are known."""
