"""A device strategy for Frame."""
