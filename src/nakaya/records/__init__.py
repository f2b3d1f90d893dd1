"""What is known about one crystallization, and its file."""
