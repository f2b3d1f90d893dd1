"""Crystallites put into an undercooled melt: runs, and what their growth and dissolution say about nucleation."""
