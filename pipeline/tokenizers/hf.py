"""A `tokenizer.json`, or vocab.json with merges.txt, counted by Hugging Face tokenizers."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from tokenizers import Encoding, Tokenizer, decoders, pre_tokenizers

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers.counter import Specials, batches, counts
from prep.pipeline.tokenizers.files import Files
from prep.pipeline.tokenizers.kept import kept
from prep.pipeline.tokenizers.trouble import panics_told, sound_texts
from prep.pipeline.tokenizers.vocabulary import kinds, loaded, parsed

REPAIR = "repair the file's model, or exclude the text"
REPLACEMENT = "\ufffd"  # what bytes read like that are no whole characters
SPACE = "\u2581"  # what SentencePiece writes for a space
OF_BYTES = ("hf-bpe-bytelevel", "hf-vocab-merges")  # families that write a byte as a letter


@dataclass(frozen=True)
class HuggingFace:
    """Added tokens that the file lists are recognised inside a text; the special ones unless they shall be text."""

    tokenizer: Tokenizer
    digest: str
    path: str
    family: str

    @cached_property
    def vocabulary(self) -> int:
        return 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        with sound_texts(texts):
            return counts(texts, lambda batch: map(len, self._encodings(batch)))

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        return [
            np.array(encoding.ids, np.uint32)
            for batch in batches(pa.array(texts, pa.large_string()))
            for encoding in self._encodings(batch)
        ]

    def spelled(self) -> dict[int, str]:
        decoder = decoders.ByteLevel() if self.family in OF_BYTES else self.tokenizer.decoder
        found = {
            number: token.replace(SPACE, " ") if decoder is None else decoder.decode([token])
            for token, number in self.tokenizer.get_vocab(with_added_tokens=False).items()
        }
        return {number: text for number, text in found.items() if REPLACEMENT not in text}

    def _encodings(self, batch: list[str]) -> list[Encoding]:
        try:
            with panics_told(self.path, REPAIR):
                # The same ids as encode_batch, without offsets: 1.8 times its speed on a document of 1.5 MB.
                return self.tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        except BadTokenizer as error:
            if len(batch) == 1:
                raise BadTokenizer(f"{error} (the text begins with {batch[0][:40]!r})") from error
            return [encoding for text in batch for encoding in self._encodings([text])]  # until the one that fails
        except Exception as error:  # the library raises nothing narrower, for a missing unknown token
            raise BadTokenizer(f"{self.path}: cannot encode a text: {error}; {REPAIR}") from error


def open_json(files: Files, digest: str, specials: Specials = Specials.LIBRARY) -> HuggingFace:
    """A file as `save_pretrained` writes it; its truncation and padding are a server's wish, not a count's."""
    content = files.contents[0]
    whole = parsed(files.path, content)
    return _open(files.path, content, digest, specials, _family(whole))


def open_pair(files: Files, digest: str, specials: Specials = Specials.LIBRARY) -> HuggingFace:
    """Byte-level BPE as of GPT-2, the same as the library's `ByteLevelBPETokenizer` over the two files."""
    content = as_json(files)
    return _open(files.path, content, digest, specials, "hf-vocab-merges")


def _open(path: str, content: bytes, digest: str, specials: Specials, family: str) -> HuggingFace:
    # Workers are processes, one per core: the library's own threads would only fight over them.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tokenizer = loaded(path, content)
    if dropout := getattr(tokenizer.model, "dropout", None):
        raise BadTokenizer(f"{path}: dropout {dropout} makes every count a draw; set model.dropout to null")
    if alpha := getattr(tokenizer.model, "alpha", None):
        raise BadTokenizer(f"{path}: alpha {alpha} makes every count a draw; set model.alpha to null")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = specials is Specials.TEXT
    return HuggingFace(tokenizer, digest, path, family)


def _family(whole: dict[str, Any]) -> str:
    """The algorithm, and for BPE what it merges: bytes, or characters with SentencePiece's mark for a space."""
    algorithm = whole["model"].get("type", "BPE")
    if algorithm != "BPE":
        return f"hf-{algorithm.lower()}"
    parts = [whole.get("normalizer"), whole.get("pre_tokenizer")]
    if "ByteLevel" in kinds(parts):
        return "hf-bpe-bytelevel"
    return "hf-bpe-metaspace" if "Metaspace" in kinds(parts) or SPACE in repr(parts) else "hf-bpe"


def as_json(files: Files) -> bytes:
    """The tokenizer.json that the two files amount to; half a second to make and check, so it is kept."""
    made = kept("pair", files, lambda: {"json": np.frombuffer(_as_json(files.path, *files.contents), np.uint8)})
    return made["json"].tobytes()


@lru_cache(maxsize=1)  # where nothing can be kept, the reference and three engines ask one after the other
def _as_json(path: str, vocab: bytes, merges: bytes) -> bytes:
    try:
        table = orjson.loads(vocab)
        lines = merges.decode().split("\n")  # str.splitlines would also cut at U+0085, which a merge may hold
    except ValueError as error:
        raise BadTokenizer(f"{path}: {error}; save or download vocab.json and merges.txt again") from error
    pairs = [line.rstrip("\r").split(" ") for line in lines if line.strip() and not line.startswith("#version")]
    if wrong := [pair for pair in pairs if len(pair) != 2]:
        raise BadTokenizer(f"{path}: merges.txt has {' '.join(wrong[0])[:60]!r}, not two tokens; download it again")
    split = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True}
    model = {"type": "BPE", "vocab": table, "merges": pairs}
    whole = orjson.dumps({"version": "1.0", "added_tokens": [], "pre_tokenizer": split, "model": model})
    _check_bytes(f"{path} (vocab.json)", parsed(f"{path} (vocab.json)", whole)["model"]["vocab"])
    return whole


def _check_bytes(path: str, vocab: dict[str, int] | list[Any]) -> None:
    """The library drops a byte without a token silently."""
    if not isinstance(vocab, dict):
        raise BadTokenizer(f"{path}: a list, not a table of tokens and their ids; download it again")
    if missing := set(pre_tokenizers.ByteLevel.alphabet()) - vocab.keys():
        raise BadTokenizer(f"{path}: no token for the byte written {min(missing)!r}: not a byte-level vocabulary")
    if any(token.endswith("</w>") for token in vocab):
        raise BadTokenizer(f"{path}: words end in </w>, unlike GPT-2's; give this model's tokenizer.json")
