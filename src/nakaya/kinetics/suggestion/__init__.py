"""Which growth run next: a belief about velocities, runs that can be planned, and what each is worth."""
