"""From samples to predictive distributions: the multi-scale graph network, and the baselines it has to beat."""
