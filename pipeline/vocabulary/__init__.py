"""Train a tokenizer on a drawn sample of the mix, and compare it with others on text that it never saw."""
