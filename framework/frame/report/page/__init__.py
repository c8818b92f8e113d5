"""A run's page: one HTML file that needs nothing else, a file here for each of its sections."""
