"""From records to fitted models: candidates compared by cross-validation."""
