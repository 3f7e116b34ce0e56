"""Which documents are in the corpus, how often, and where the last are cut."""
