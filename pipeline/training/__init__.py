"""Training the quality classifier: what it learns from, how it is calibrated, and the report beside each model."""
