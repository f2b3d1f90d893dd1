"""Charts in the house style."""
