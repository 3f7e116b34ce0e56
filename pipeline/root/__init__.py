"""`prep`: plan, measure and build the training corpus of a language model."""

__version__ = "0.1.0"
