"""What emulators share that carry a crystal from moment to moment by a latent: data, losses, training, rollouts."""
