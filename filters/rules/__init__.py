"""Rule filters in one reading: counts of words, lines, sentences and characters, and verdicts by published profiles."""
