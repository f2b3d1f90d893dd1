"""What joins rooms that may not import each other."""
