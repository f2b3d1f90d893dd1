"""Local order: neighbours, bond order, descriptors of a frame."""
