"""From a trained model and conditions to what a user asks."""
