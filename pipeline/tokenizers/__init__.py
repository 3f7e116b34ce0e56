"""Tokenizers behind one interface: open a file or folder, count tokens, encode. Each library counts its own files.

Whether a special token written inside a text (`<|endoftext|>`) is one token follows the file: a `tokenizer.json` that
lists it says yes, as its model was trained; ranks, vocab.json with merges.txt and SentencePiece read it as plain text.
"""

from prep.pipeline.tokenizers.counter import Counter
from prep.pipeline.tokenizers.opening import digest_of, open_tokenizer

__all__ = ["Counter", "digest_of", "open_tokenizer"]
