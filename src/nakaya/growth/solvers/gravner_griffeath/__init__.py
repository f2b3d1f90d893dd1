"""Snow crystals after Gravner & Griffeath (2008)."""
