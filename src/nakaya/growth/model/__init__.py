"""What a grower is: conditions, setup, trajectory."""
