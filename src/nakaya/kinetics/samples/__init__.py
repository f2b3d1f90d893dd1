"""Records become samples: what a model may look at, beside what it has to tell."""
