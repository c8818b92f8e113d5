"""A head for Frame."""
