"""Controls: what a memory of the training crystals achieves without a network."""
