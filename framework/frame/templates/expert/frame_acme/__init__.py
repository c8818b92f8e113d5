"""An expert for Frame's mixtures."""
