"""Texts on which fast tokenizers are known to go wrong, made by code: the same on every machine and Python.

Short, so that the reference reads all of them in a fifth of a second. Random mixtures come from a generator of our own,
for the standard library's choices may change between versions; normal forms are taken of characters that Unicode
assigned before 6.0, whose decompositions are frozen.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import orjson

from prep.pipeline.tokenizers import spmodel
from prep.pipeline.tokenizers.counter import Ask
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.spmodel import NORMAL

MIXTURES = 2_000  # texts of one to twelve parts that are drawn from all the others
SPECIAL_CHARACTERS = 60_000  # of a tokenizer's own special tokens in all: a file may list a hundred thousand
FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1_000, 3_000)

WORDS = (
    "the quick brown fox", "L'été à Noël, œuvre", "Straße ÄÖÜ", "naïve café", "İstanbul ıI", "žluťoučký kůň",
    "Đặng Tiếng Việt", "Ελληνικά ΑΒΓ ς", "Русский язык", "Українська ґ", "עברית שָׁלוֹם", "العربية مُحَمَّد",
    "فارسی می\u200cخواهم", "हिन्दी क्षत्रिय", "বাংলা", "ਪੰਜਾਬੀ", "தமிழ் கொ", "తెలుగు", "ಕನ್ನಡ", "മലയാളം ന്\u200d",
    "සිංහල ශ්\u200dරී", "ไทย น้ำ", "ລາວ", "မြန်မာ", "ខ្មែរ", "བོད་ཡིག", "ქართული", "Հայերեն", "አማርኛ", "ᏣᎳᎩ", "ᠮᠣᠩᠭᠣᠯ",
    "中文简体字", "繁體中文龍龜", "日本語の文章です。", "カタカナ語", "ひらがなばかり", "吾輩は猫である",
    "한국어 문장", "ㄅㄆㄇㄈ", "ꦗꦮ", "𐎠𐎡𐎢", "𓀀𓁐", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "ʇxǝʇ", "ﬁ ﬂ ﬀ ﬃ", "½ ² ³ ⅷ № ™ ℃",
    "①②③ ㍿ ㌔ ㍻ ㎏",
)  # fmt: skip
JAPANESE = (
    "ｶﾀｶﾅ ﾊﾟﾋﾟﾌﾟ ｶﾞｷﾞ", "ＡＢＣａｂｃ１２３！？", "か\u3099き\u3099は\u309a", "ゔヷヸ ヿゟ", "ーーー〜～",
    "々〆〇ヶ", "舊字體 國學 圓 體 澤", "神\ufa19福\ufa1b館\ufa2c", "髙﨑 𠮷野家 鷗 𩸽",
    "葛\U000e0100 辻\U000e0101", "はｰﾞ ゛ ゜", "「『（【】）』」", "３．１４％", "くの字点〳〵〴〵〱〲",
    "令\u32ff和 ㈱",
)  # fmt: skip
EMOJI = (
    "👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "👨🏽\u200d💻", "👍🏻👍🏿", "🇯🇵🇫🇷🇺",
    "1\ufe0f\u20e3#\ufe0f\u20e3", "❤\ufe0f❤\ufe0e", "🏴\U000e0067\U000e0062\U000e0065\U000e007f",
    "🧑\u200d🤝\u200d🧑", "\u200d👩", "👩\u200d", "🫠🪿", "☺\ufe0f☹", "🏻",
)  # fmt: skip
MARKS = (
    "\u0301", "e\u0301", "a\u0300\u0301\u0302\u0303", "\u0301\u0301\u0301", " \u0308x", "o\u0338\u0328",
    "Z\u0351\u036b\u0343\u036a\u0302", "\u20d0\u20d1", "q\u0307\u0323", "q\u0323\u0307", "\u3099\u309a",
    "\u0e31\u0e47", "\u05b0\u05b1", "\u064b\u0651", "\u093c\u094d", "각\u11a8", "\u1100\u1161\u11a8",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "\ufe00\ufe0f\U000e01ef", "\u1160\u115f", "Å\u212b\u2126\u212a",
    "\ufb1d\u05f2\u05b7", "\ufdfa", "\u1e9e\u017f",
)  # fmt: skip
SPACES = tuple("\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u180e\u2028\u2029\u202f\u205f\u2060\u3000\ufeff") + tuple(
    map(chr, range(0x2000, 0x2010))
)
LINE_ENDS = ("\r", "\r\n", "\n\r", "\n\n", "\r\n\r\n", "\n \n", " \r\n ", "\t\n", "\x85", "\u2028", "\u2029")
OWN = (
    "▁", "▁the", "Ġ", "Ċ", "Ġthe", "ĉ", "▁▁▁", "</w>", "##ing", "@@ ", "<0x0A>", "<0xE3><0x81>", "<0xZZ>",
    "\ufffd", "Â", "¬", "░",
)  # fmt: skip
SPECIALS = (
    "<|endoftext|>", "<s>", "</s>", "<unk>", "<pad>", "<mask>", "[INST]", "[/INST]", "<<SYS>>", "<|im_start|>",
    "<|im_end|>", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "<bos>", "<eos>", "<|begin_of_text|>",
    "<|eot_id|>", "<|fim_prefix|>", "<|endofprompt|>", "<CLS|LLM-jp>", "<EOD|LLM-jp>", "<MASK|LLM-jp>",
    "<|padding|>", "|||IP_ADDRESS|||", "<|system|>",
)  # fmt: skip
ODD = (
    "\0", "\x01\x02\x03", "\x7f", "\x80\x9f", "a\0b", "\ufeffbom", "mid\ufeffdle", "\u200b\u200c\u200d",
    "\u200e\u200f", "\u202aembed\u202c", "\u202eright to left שלום\u202c", "\u2066isolate\u2069",
    "\u00adsoft\u00adhyphen", "\ufff9a\ufffab\ufffb", "\ufdd0\ufdef", "\ufffe\uffff", "\U0001ffff", "\U0010ffff",
    "\U0010fffe\U0010ffff", "\ud7ff\ue000", "\ue000\uf8ff", "\U000f0000\U00100000", "\u0378\u0379\u0530",
    "\U0003ffff", "\U000e0001\U000e0041", "\u2fff", "\u061c", "\uffa0ﾡ", "\u034f",
)  # fmt: skip
WRITTEN = (
    "it's IT'S It'S we'll WE'LL 'tis ''ll 're've'd'm't's", "don’t l’été d‘accord ʼs ＇s `s ´s", "o'clock's'",
    "'S'T'RE", " 's", "'ſ 'ſs", "123456789012345", "1,234.56 0x1F 1e-10 ²³ १२३ ٤٥٦ 〇一二", "12 345 6789",
    "camelCaseHTTPServerID2x", "snake_case__dunder__", "kebab-case--x", "ALLCAPS lower MiXeD",
    "def f(x):\n    return {x: [i**2 for i in x]}\n\n\n", "\tif (a&&b) {\r\n\t\treturn a->b[0];\r\n\t}",
    "</div><!-- c --><br/>&nbsp;&#x3042;", "$$\\frac{a}{b}$$ \\begin{x}",
    "https://example.org/a/b?c=d&e=%E3%81%82#f", "user.name+tag@mail.example.co.jp", "C:\\Users\\x\\n",
    "aGVsbG8gd29ybGQ=/+AbCdEfGhIjKlMnOpQrStUvWxYz012345==", "0123456789abcdef", "!!!???...,,,", "--- === *** ###",
    "...!?。。。！？…‥", "a.b.c.d", "\"quoted\" 'single' “curly” «guillemets»", "{{{[[[((()))]]]}}}", "$€£¥₿",
    "+−×÷=≠≤", "~`^|\\", "x\u3000y",
)  # fmt: skip
PARTS = (*WORDS, *JAPANESE, *EMOJI, *MARKS, *SPACES, *LINE_ENDS, *OWN, *SPECIALS, *ODD, *WRITTEN)


def texts(specials: Iterable[str] = ()) -> list[str]:
    """The set, with the tokenizer's own special tokens in it; no text twice, the empty one first."""
    return list(dict.fromkeys(["", *_short(), *_spaced(), *_runs(), *_lengths(), *_within(specials), *_mixtures()]))


def own_specials(ask: Ask) -> list[str]:
    """The special, added, control and user-defined tokens that a tokenizer's files list."""
    match ask.files.kind:
        case Kind.JSON:
            added = orjson.loads(ask.files.contents[0]).get("added_tokens") or []
            return [token["content"] for token in added]
        case Kind.MODEL:
            return [piece.text for piece in spmodel.read(ask.files.contents[0]).pieces if piece.kind != NORMAL]
    return list(ask.split.specials) if ask.split else []


def digest(asked: Iterable[str]) -> str:
    """Sha256 of the texts in order."""
    whole = hashlib.sha256()
    for text in asked:
        content = text.encode()
        whole.update(len(content).to_bytes(8, "big"))
        whole.update(content)
    return whole.hexdigest()


def _short() -> Iterator[str]:
    """Each ASCII character, some of every block of Unicode, and each part in every normal form."""
    yield from map(chr, range(256))
    chance = _chance("blocks")
    for first in (*range(0x100, 0xD800, 0x100), *range(0xE000, 0x10000, 0x100), *range(0x10000, 0x110000, 0x4000)):
        yield "".join(chr(first + next(chance) % 0x100) for _ in range(6))
    for part in PARTS:
        yield part
        yield from (unicodedata.normalize(form, part) for form in FORMS)


def _spaced() -> Iterator[str]:
    """Parts with a space, or another part of whitespace, before, after and between."""
    for part in PARTS:
        yield from (f" {part}", f"{part} ", f"a{part}b", f"あ{part}い", part * 3)
    for space in (*SPACES, *LINE_ENDS):
        yield from (f"word{space}word", f"文{space}章", f"{space}x", f"x{space}", f" {space} ", f"1{space}{space}2.")


def _runs() -> Iterator[str]:
    """The same again and again: spaces above all, which vocabularies merge by fours, eights and sixteens."""
    for length in LENGTHS:
        yield from (" " * length, f"a{' ' * length}b", f"\n{' ' * length}x")
    for character in "\t\n\r\u3000\xa0▁aA1.-=あ漢ー\u0301\u200d👍\0":
        yield from (character * length for length in LENGTHS if length < 300)
    yield from (
        "a" * 5_000,
        "あ" * 5_000,
        "A1" * 500,
        "\n " * 500,
        "\r\n" * 500,
        "!?" * 500,
        "👍" * 500,
        "e\u0301" * 500,
    )
    chance = _chance("words")
    for alphabet in (
        "abcdefghijklmnopqrstuvwxyz",
        "aeiou",
        "ABCDEFabcdef0123456789+/",
        "あいうえおかきくけこ日本語文字",
        "0123456789",
    ):
        yield "".join(alphabet[next(chance) % len(alphabet)] for _ in range(5_000))


def _lengths() -> Iterator[str]:
    """Every length about which a vector instruction or a block of memory could stumble, ASCII and not."""
    line = "The river runs through a small town, and people like to walk there. " * 3
    for length in range(1, 140):
        yield from (line[:length], f"{line[: length - 1]}é", f"{line[length:]}")
    for length in range(1, 70):
        yield ("吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。" * 3)[:length]


def _within(specials: Iterable[str]) -> Iterator[str]:
    """Special tokens alone, in words, beside spaces, twice, cut short; many of one tokenizer only in passing."""
    own = list(dict.fromkeys(special for special in specials if special))
    for special in (*SPECIALS, *own[:100]):
        yield from (special, f" {special} ", f"a{special}b", f"あ{special}い", f"  {special}\n{special}", special * 2)
        yield from (
            special[:-1],
            special[1:],
            special.upper(),
            f"{special}{special[:-1]}",
            f"<{special}>",
            f"▁{special}",
        )
    room = SPECIAL_CHARACTERS
    for start in range(100, len(own), 8):
        some = own[start : start + 8]
        if (room := room - sum(map(len, some))) < 0:
            return
        yield from ("".join(some), " x".join(some), "\nあ ".join(some))


def _mixtures() -> Iterator[str]:
    """Parts in random order, some joined by a space."""
    chance = _chance("mixtures")
    for _ in range(MIXTURES):
        glue = _one(("", "", " ", "\n", "、"), chance)
        yield glue.join(_one(PARTS, chance) for _ in range(1 + next(chance) % 12))


def _one(among: Sequence[str], chance: Iterator[int]) -> str:
    return among[next(chance) % len(among)]


def _chance(purpose: str) -> Iterator[int]:
    """Numbers below 2^32 that hang on the purpose alone."""
    block = purpose.encode()
    while True:
        block = hashlib.sha256(block).digest()
        for start in range(0, 32, 4):
            yield int.from_bytes(block[start : start + 4], "big")
