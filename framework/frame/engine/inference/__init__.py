"""What a trained model is for: predicting, and being measured on other data."""
