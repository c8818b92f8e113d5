"""A callback for Frame."""
