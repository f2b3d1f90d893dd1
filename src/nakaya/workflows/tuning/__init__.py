"""Studies of hyperparameters: study file in, best settings and a report out."""
