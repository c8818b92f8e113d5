"""A backbone for Frame."""
