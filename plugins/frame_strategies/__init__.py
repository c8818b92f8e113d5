"""Device strategies."""
