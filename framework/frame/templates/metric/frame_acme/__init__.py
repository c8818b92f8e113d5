"""A metric for Frame."""
