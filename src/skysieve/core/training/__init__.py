"""The training of networks: recipes, batches, losses, checkpoints, export."""
