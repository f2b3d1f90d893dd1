"""Which conditions grew this crystal? Posteriors of a model's parameters from crystals, learned from grown ones."""
