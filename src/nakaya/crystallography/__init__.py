"""Orientations of crystals: quaternions, the rotation groups of the Laue classes, disorientation, colours."""
