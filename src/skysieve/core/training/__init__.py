"""Training of networks: recipes, batches, losses, checkpoints and export."""
