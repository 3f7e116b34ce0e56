"""Tokenizers behind one interface: open a file, folder or hub name, count tokens, encode. Each library counts its own.

`specials` says what a special token is that is written inside a text (`<|endoftext|>`):

- `library` (default): as the file's own library does. A tokenizer.json: each added token that the file lists is one
  token. Ranks and a SentencePiece .model: plain text, but for a .model's user-defined symbols, which are always pieces.
- `text`: plain text. In a tokenizer.json this holds for the added tokens marked as special; the others (runs of
  spaces, masks of personal data) belong to the vocabulary and stay one token.
- `token`: one token. Ranks: the specials of the pattern. A .model with control symbols is refused: whether the text
  after one begins with the dummy prefix is not in the file, and published tokenizers differ. Its tokenizer.json says.

vocab.json with merges.txt lists no special tokens, so the three are the same for it: give the tokenizer.json instead.
"""

from prep.pipeline.tokenizers.counter import Ask, Counter, Specials
from prep.pipeline.tokenizers.opening import ask_of, digest_of, open_tokenizer

__all__ = ["Ask", "Counter", "Specials", "ask_of", "digest_of", "open_tokenizer"]
