"""How the published tiktoken encodings split text, and their special tokens.

Source: `tiktoken_ext/openai_public.py` of tiktoken 0.14.0 (MIT), whose functions download ranks; a test compares.
"""

import json
import re
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

# Where tiktoken's regex gives up (a stack of a million states, on `\s+(?!\S)`), a text is cut at runs of white space
# that are one piece each, with nothing in the text around them able to change that. Of a run before other text:
# - no piece but the last, which may begin with the run's last character, has white space beside other characters,
#   except newlines after punctuation in CL100K and O200K;
# - `\s*[\r\n]` takes what goes up to the run's last newline, so a piece begins after it, or at the run in GPT2;
# - there `\s++$` and `\s*[\r\n]` fail and `\s+(?!\S)` takes all but the last character.
# The part before it ends with other text or with a newline: `\s++$`, which now matches, takes what `\s*[\r\n]` took.
# A run that ends the text is one piece as well, but only O200K, which has no `\s++$`, gives up on it.
WHITE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # White_Space of Unicode, Rust's \s
BLANK = WHITE.replace(r"\t-\r", r"\t\x0b\x0c")  # white space but for newlines


def long_runs(least: int) -> dict[str, re.Pattern[str]]:
    """By pattern, what finds the runs of `least` characters or more that are one piece."""
    inside = r"(?<![{0}])[{0}]{{{1},}}(?=[{0}][^{2}])"
    blank = inside.format(BLANK, least, WHITE)
    return {
        GPT2: re.compile(inside.format(WHITE, least, WHITE)),
        CL100K: re.compile(blank),
        O200K: re.compile(rf"{blank}|(?<![{BLANK}])[{BLANK}]{{{least},}}\Z"),
    }


LONG_RUNS = long_runs(100_000)
