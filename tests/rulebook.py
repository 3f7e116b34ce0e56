"""The rules in plain Python, slow and as their publications have them: what the kernels must count."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from prep.filters.rules.abbreviations import COMPOUNDS, ELISION, abbreviations
from prep.filters.rules.characters import EDGES, ENDS, QUOTES, SPECIALS, SYMBOLS

TERMINAL = "".join(
    map(chr, (point for each in ENDS.split() for a, _, b in [each.partition("-")]
              for point in range(int(a, 16), int(b or a, 16) + 1)))
)  # fmt: skip
SYMBOL = set(SYMBOLS) | set(TERMINAL)


def kind(character: str) -> str:
    return unicodedata.category(character)


def repeats(pieces: Sequence[str]) -> tuple[int, int]:
    """Pieces that came before, and their characters."""
    seen: set[str] = set()
    many = characters = 0
    for piece in pieces:
        many, characters = many + (piece in seen), characters + len(piece) * (piece in seen)
        seen.add(piece)
    return many, characters


def dotted(text: str) -> bool:
    return text.endswith(("...", "…"))


def lines(text: str) -> dict[str, int]:
    split, broken, plain = text.splitlines(), re.split("\n+", text), text.split("\n")
    paragraphs, whole = re.split("\n{2,}", text.strip()), [line for line in plain if line.strip()]
    return {
        "characters": len(text), "bytes": len(text.encode()), "newlines": text.count("\n"), "hashes": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "split_lines": len(split), "split_line_characters": sum(map(len, split)),
        "longest_split_line": max(map(len, split), default=0),
        "bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in split),
        "ellipsis_lines": sum(dotted(line.rstrip()) for line in split),
        "broken_lines": len(broken), "repeated_lines": repeats(broken)[0],
        "repeated_line_characters": repeats(broken)[1],
        "paragraphs": len(paragraphs), "repeated_paragraphs": repeats(paragraphs)[0],
        "repeated_paragraph_characters": repeats(paragraphs)[1],
        "lines": len(whole), "terminal_lines": sum(line.endswith(tuple(TERMINAL)) for line in whole),
        "lines_to_30": sum(len(line) <= 30 for line in whole), "repeated_text_line_characters": repeats(whole)[1],
        "lines_to_10": sum(len(line) <= 10 for line in plain),
        "dotted_newlines": len(re.findall(r"(?:\.{3}|…)\n", text)),
        "third_longest_line": sorted(map(len, plain), reverse=True)[2] if len(plain) > 2 else 0,
    }  # fmt: skip


def letter(character: str) -> bool:
    return kind(character)[0] == "L"


def script(character: str) -> int:
    point = ord(character)
    if 0x3041 <= point <= 0x309F:
        return 1
    if 0x30A1 <= point <= 0x30FA or 0x30FC <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF or 0xFF66 <= point <= 0xFF9F:
        return 2
    if any(a <= point <= b for a, b in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x323AF))):
        return 3
    if character in "々〆〇":
        return 3
    return 4 if character.isalnum() or kind(character)[0] == "M" else 0


def runs(text: str) -> list[str]:
    """Words of a language without spaces: runs of one script, other characters alone."""
    words: list[str] = []
    own = -1
    for character in text:
        here = script(character)
        if character.isspace():
            own = -1
        elif words and own > 0 and (here == own or kind(character)[0] == "M"):
            words[-1] += character
        else:
            words.append(character)
            own = here
    return words


def edge(character: str) -> bool:
    return character in EDGES or kind(character) == "So"


def lower(character: str) -> bool:
    """Lower case, or a letter without case."""
    return letter(character) and kind(character) not in ("Lu", "Lt")


def upper(character: str) -> bool:
    return letter(character) and kind(character) != "Ll"


def prefix(piece: str) -> int:
    first = piece[0]
    if edge(first) or kind(first) == "Sc" or first in "§%=":
        return 1
    if first == "+":
        return 0 if piece[1:2] and piece[1] in "0123456789" else 1
    run = re.match(r"\.\.+", piece)
    return run.end() if run else 0


def suffix(piece: str) -> int:
    last, before = piece[-1], piece[-2:-1]
    if edge(last):
        return 1
    if not before:
        return 0
    if last == ".":
        if run := re.search(r"\.\.+$", piece):
            return run.end() - run.start()
        if before in "0123456789%²-+" or edge(before) or lower(before):
            return 1
        return int(kind(before) in ("Lu", "Lt") and len(piece) > 2 and kind(piece[-3]) in ("Lu", "Lt"))
    if last in "sS" and before in "'’":
        return 2
    return int(before in "0123456789" and (last in "+%mt" or kind(last) == "Sc"))


def pieces(text: str, language: str) -> list[str]:
    """Words between spaces, without the signs at their edges, contractions and compounds cut."""
    kept = set(abbreviations(language))
    words: list[str] = []
    for piece in text.split():
        behind: list[str] = []
        while piece and piece not in kept:
            size = prefix(piece)
            if size:
                words.append(piece[:size])
                piece = piece[size:]
                if not piece or piece in kept:
                    break
            last = suffix(piece)
            if last:
                behind.append(piece[len(piece) - last :])
                piece = piece[: len(piece) - last]
            if not size and not last:
                break
        if piece:
            words += [piece] if piece in kept else middle(piece, language)
        words += reversed(behind)
    return words


ADDRESS = re.compile(
    r"(?:[\w+.-]{2,}://)?(?:[^\s/]*@)?(?P<labels>(?:[\w\-\u00a1-\U0010ffff]+\.)+)(?P<last>[\w\-\u00a1-\U0010ffff]{2,})(?:[/?#].*|:.+)?$",
    re.DOTALL,
)


def middle(piece: str, language: str) -> list[str]:
    elision, compounds = language in ELISION, language in COMPOUNDS
    signs = any(not letter(each) and each not in "0123456789" for each in piece)
    if not signs or ("." in piece and address(piece)):
        return [piece]
    ending = re.search(r"(?:(?<=.)n['’]t|['’](?:ll|re|ve|[md]))$", piece, re.DOTALL)
    cut = len(piece)
    if ending and ending.start() and (ending[0][0] == "n" or letter(piece[ending.start() - 1])):
        cut = ending.start()
    found: list[str] = []
    first = place = 0
    while place < cut:
        size = infix(piece[:cut], place, compounds)
        if size and place > first:
            found += [piece[first:place], piece[place : place + size]]
            first = place + size
        elif elision and piece[place] in "'’" and first < place and place + 1 < cut and letter(piece[place + 1]):
            found.append(piece[first : place + 1])
            first = place + 1
        place += max(size, 1)
    return [each for each in (*found, piece[first:cut], piece[cut:]) if each]


def address(piece: str) -> bool:
    found = ADDRESS.match(piece)
    return bool(found and all(kind(each) == "Ll" or kind(each)[0] == "M" for each in found["last"]))


def infix(piece: str, place: int, compounds: bool) -> int:
    here, after = piece[place], piece[place + 1 : place + 2]
    if kind(here) == "So" or here == "…":
        return 1
    if not after:
        return 0
    if run := re.compile(r"\.\.+").match(piece, place):
        return run.end() - place
    if not place:
        return 0
    before, digits = piece[place - 1], "0123456789"
    if here == ".":
        return int((lower(before) or before in QUOTES) and (upper(after) or after in QUOTES))
    if here == ",":
        return int(letter(before) and letter(after))
    if here in "+*^-" and before in digits and after in digits + "-":
        return 1
    if here in ":<>=/":
        return int((letter(before) or before in digits) and letter(after))
    if compounds and here == "-" != after and letter(before):
        return 0
    if run := re.compile("---|--|——|[-–—~]").match(piece, place):
        joined = letter(before) or before in digits
        return run.end() - place if joined and piece[run.end() :] and letter(piece[run.end()]) else 0
    return 0


def worded(words: Sequence[str], stop_words: Sequence[str]) -> dict[str, int]:
    plain = [word for word in words if any(each not in SYMBOL for each in word)]
    found = {
        "words": len(words), "plain_words": len(plain), "plain_word_characters": sum(map(len, plain)),
        "alpha_words": sum(any(map(letter, word)) for word in words), "stop_words": len({*words} & {*stop_words}),
    }  # fmt: skip
    for size in (2, 3, 4):
        grams = Counter(" ".join(words[start : start + size]) for start in range(len(words) - size + 1))
        gram, often = grams.most_common(1)[0] if grams else ("", 0)
        found[f"top_{size}_words"] = len(gram) * often
    for size in range(5, 11):
        found[f"repeated_{size}_words"] = repeated(words, size)
    sevens = Counter(tuple(words[start : start + 7]) for start in range(len(words) - 6))
    return {**found, "recurrent_7_words": sum(often for often in sevens.values() if often > 1)}


def repeated(words: Sequence[str], size: int) -> int:
    seen: set[str] = set()
    characters = start = 0
    while start < len(words) - size + 1:
        gram = "".join(words[start : start + size])
        characters += len(gram) if gram in seen else 0
        start += size if gram in seen else 1
        seen.add(gram)
    return characters


POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def c4(text: str, language: str) -> tuple[dict[str, int], str]:
    """C4's line rules; the counts and the kept text."""
    kept, sentences, lorems, braces = [], 0, 0, 0
    for line in text.splitlines():
        words = line.split()
        if any(len(word) > 1000 for word in words) or len(words) < 3:
            continue
        clean = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line.strip())
        if not clean.endswith((".", "?", "!", '"', "'")) or clean.endswith("..."):
            continue
        small = clean.lower()
        lorem, brace = "lorem ipsum" in small, "{" in clean
        lorems += lorem
        if "javascript" in small and not lorem:
            continue
        braces += brace
        if any(each in small for each in POLICY) and not lorem and not brace:
            continue
        sentences += len(sentenced(pieces(clean, language)))
        kept.append(clean)
    out = "\n".join(kept).strip()
    counts = {"c4_sentences": sentences, "c4_lorem_ipsum": lorems, "c4_braces": braces}
    return {**counts, "c4_removed_bytes": len(text.encode()) - len(out.encode())}, out


def sentenced(words: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]] if words else []
    ended = False
    for word in words:
        ends = word in TERMINAL and word not in "\u061d\u061e\u061f"
        if ended and not ends and not all(kind(each)[0] == "P" for each in word):
            found.append([])
            ended = False
        ended |= ends
        found[-1].append(word)
    return found


SENTENCE = re.compile(r"[^。．？！?!]*[。．？！?!]+|[^。．？！?!]+")


def characters(text: str) -> dict[str, int]:
    """What the Japanese filters count."""
    kana = [script(each) for each in text]
    found = {
        "early_kana": sum(each in (1, 2) for each in kana[:50]), "kuten": text.count("。"),
        "longest_run": max((len(run[0]) for run in re.finditer(r"(.)\1*", text, re.DOTALL)), default=0),
        "special_characters": sum(each in SPECIALS or kind(each) == "So" for each in text),
        "letters": sum(letter(each) or script(each) in (1, 2, 3) for each in text),
        "japanese": sum(each in (1, 2, 3) for each in kana), "hiragana": kana.count(1), "katakana": kana.count(2),
    }  # fmt: skip
    ended = [each.strip() for line in text.split("\n") for each in SENTENCE.findall(line)]
    ended = [each for each in ended if each]
    trailing = [dotted(each) or (len(each) > 1 and each[-1] in "。．？！?!" and dotted(each[:-1])) for each in ended]
    found |= {
        "sentences": len(ended), "sentence_characters": sum(map(len, ended)),
        "longest_sentence": max(map(len, ended), default=0),
        "ellipsis_sentences": sum(trailing),
        "repeated_sentences": repeats(ended)[0], "repeated_sentence_characters": repeats(ended)[1],
    }  # fmt: skip
    for size in range(2, 11):
        grams = Counter(text[start : start + size] for start in range(len(text) - size + 1))
        if size < 5:
            found[f"top_{size}_characters"] = max(grams.values(), default=0)
        else:
            found[f"distinct_{size}_characters"] = len(grams)
            found[f"recurrent_{size}_characters"] = sum(often > 1 for often in grams.values())
        if size == 5:
            often = sorted(grams.values(), reverse=True)
            alone = sum(each == 1 for each in often)
            found["frequent_5_characters"] = sum(often[: min(int(math.sqrt(len(often))), len(often) - alone)])
    return found
