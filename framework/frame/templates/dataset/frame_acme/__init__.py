"""A data set for Frame."""
