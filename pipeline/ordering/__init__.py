"""In which order the corpus is written, and how it gets there without lying in memory."""
