"""How the published tiktoken encodings split text, and their special tokens.

Source: `tiktoken_ext/openai_public.py` of tiktoken 0.14.0 (MIT), whose functions download ranks; a test compares.
"""

import json
from dataclasses import dataclass

END_OF_TEXT, END_OF_PROMPT = "<|endoftext|>", "<|endofprompt|>"


@dataclass(frozen=True)
class Pattern:
    """A split and the special tokens with their ids. Text is split by the regex alone: specials in it stay text."""

    regex: str
    specials: dict[str, int]

    def canonical(self) -> bytes:
        """Bytes for the digest; two names of one pattern give the same."""
        return json.dumps([self.regex, self.specials], sort_keys=True).encode()


GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
CL100K = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
    r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
O200K = (
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
CL100K_SPECIALS = {
    END_OF_TEXT: 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    END_OF_PROMPT: 100276,
}

PATTERNS = {
    "cl100k_base": Pattern(CL100K, CL100K_SPECIALS),
    "o200k_base": Pattern(O200K, {END_OF_TEXT: 199999, END_OF_PROMPT: 200018}),
    "p50k_base": Pattern(GPT2, {END_OF_TEXT: 50256}),
    "r50k_base": Pattern(GPT2, {END_OF_TEXT: 50256}),
    "gpt2": Pattern(GPT2, {END_OF_TEXT: 50256}),
}
