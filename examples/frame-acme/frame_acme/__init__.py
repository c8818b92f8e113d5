"""A backbone, an expert and a loss for Frame."""
