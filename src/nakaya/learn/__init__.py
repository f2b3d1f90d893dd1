"""One training loop, schedules, checkpoints, tuning."""
