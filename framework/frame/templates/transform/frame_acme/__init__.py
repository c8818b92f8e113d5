"""An augmentation for Frame."""
