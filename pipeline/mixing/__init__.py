"""What a mix may ask for, and how many tokens of each source that comes to. Knows nothing of shards or runs."""
