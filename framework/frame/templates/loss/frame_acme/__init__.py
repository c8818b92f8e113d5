"""A loss for Frame."""
