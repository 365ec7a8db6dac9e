"""Training: the one loop, its recipe, and how well it went."""
