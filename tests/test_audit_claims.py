"""Claims of bytes and tokens: what is read, what is wrong with them, and what the figure would be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.pipeline.audit import claims, verdict
from prep.pipeline.audit.claims import read, read_file
from prep.pipeline.audit.probes import Measure
from prep.pipeline.audit.verdict import Seen, judge
from prep.pipeline.plan import tables

READ = {
    "GPT-3: 500B tokens = 750GB": ("GPT-3", 500e9, 750e9, None, None, None),
    "750GB=500B": ("750GB=500B", 500e9, 750e9, None, None, None),
    "750GB: 500B tokens": ("750GB: 500B tokens", 500e9, 750e9, None, None, None),
    "305 GB gzip = 156B tokens": ("305 GB gzip = 156B tokens", 156e9, 305e9, None, None, "gzip"),
    "C4: 302 GB gz = 175B": ("C4", 175e9, 302e9, None, None, "gzip"),
    "mC4 Japanese: 400GB = 136B tokens llm-jp": ("mC4 Japanese", 136e9, 400e9, "ja", "llm-jp", None),
    "The Pile: 825.18 GiB = 259.9B": ("The Pile", 259.9e9, round(825.18 * 2**30), None, None, None),
    "日本語 2TB = 4000億 tokens": ("日本語 2TB = 4000億 tokens", 400e9, 2e12, "ja", None, None),
    "uncompressed French 4GB = 1,000M tokens": ("uncompressed French 4GB = 1,000M tokens", 1e9, 4e9, "fr", None, None),
}


@pytest.mark.parametrize(("text", "meant"), READ.items())
def test_a_claim_is_read_as_it_is_meant(text: str, meant: tuple[object, ...]) -> None:
    found = read(text)
    assert (found.name, found.tokens, found.bytes, found.language, found.tokenizer, found.compressed) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,4TB = 400B", "write '1.4'"),
        ("0,570TB = 400B", "decimal comma"),
        ("70B 1.4T", "prep plan --check"),
        ("10GB", "says bytes"),
        ("", "no quantity"),
        ("0GB = 5B", "is zero"),
        ("7e99 GB = 3", "more than there is"),
        ("5GB = 3GB", "says bytes and bytes"),
    ],
)
def test_what_is_no_claim_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read(text)
    assert says in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.text("0123456789.eBTGKMi gzip:=,億-", max_size=24))
def test_no_text_ends_otherwise_than_judged_or_refused(text: str) -> None:
    try:
        found = judge(read(text))
    except BadSettings:
        return
    assert found.verdict in ("fits", "unlikely", "wrong")
    assert found.reasons


@pytest.mark.parametrize(
    ("text", "judgement", "says"),
    [
        ("GPT-3: 500B tokens = 750GB", "wrong", "compressed files: 750 GB of gzip are 1.5 TB to 2.1 TB of text"),
        ("GPT-3: 500B tokens = 750GB", "wrong", "500B tokens are 1.6 TB to 2.5 TB"),
        ("GPT-3: 500B tokens = 750GB", "wrong", "750 GB are 698 GiB"),
        ("305GB = 156B tokens", "wrong", "gzip size of C4; its text is 750 to 800 GB"),
        ("305 GB gzip = 156B tokens", "fits", "3.91 to 5.47 of text"),
        ("570GB = 400B", "wrong", "arXiv:2005.14165"),
        ("OpenWebText: 40GB = 9.04B tokens", "fits", "English (3.2 to 5.0)"),
        ("Japanese 1TB = 400B tokens", "fits", "GPT-2's"),
        ("Japanese 1TB = 400B tokens llm-jp", "wrong", "Japanese with a Japanese tokenizer (3.6 to 7.0)"),
        ("Japanese 1TB = 300B tokens llm-jp", "unlikely", "3.6 to 7.0"),
        ("Japanese 1TB = 400B tokens GPT-2", "fits", "1.7 to 3.1"),
        ("18GB = 9B tokens", "unlikely", "16-bit token numbers"),
        ("36GB = 4B tokens code", "wrong", "code (2.1 to 4.5)"),
        ("Swedish 4GB = 1B", "fits", "natural text has 1.9 to 7.5"),
        ("Swedish 40GB = 1B", "wrong", "no figure is known for sv"),
        ("numbers 15GB = 10B", "fits", "numbers (0.9 to 2.6)"),
        ("310GiB = 100B tokens", "fits", "it would be 3.1 bytes a token, and the claim would be: unlikely"),
    ],
)  # fmt: skip
def test_claims_get_their_reason(text: str, judgement: str, says: str) -> None:
    found = judge(read(text))
    assert found.verdict == judgement, found.reasons
    assert any(says in reason for reason in found.reasons), found.reasons


def test_every_circulating_size_is_wrong_with_its_source() -> None:
    for each in tables.circulating():
        if each.bytes:
            found = judge(read(f"{each.bytes / 1e9:g}GB = {each.tokens:.0f} tokens"))
            assert found.verdict == "wrong"
            assert any(each.source in reason for reason in found.reasons)


@given(st.floats(1e6, 1e13), st.floats(0.5, 20), st.sampled_from(["", "Japanese ", "code ", "French "]))
def test_the_right_figures_fit(tokens: float, ratio: float, language: str) -> None:
    found = judge(read(f"{language}{round(tokens * ratio)}B = {round(tokens)} tokens".replace("B =", "KB =", 1)))
    assert found.right_tokens is not None
    middle = (found.right_tokens.low + found.right_tokens.high) / 2
    again = judge(read(f"{language}{round(found.claim.bytes / 1000)}KB = {round(middle)} tokens"))
    assert again.verdict == "fits" or any("arXiv" in reason for reason in again.reasons)


def test_a_tokenizer_that_was_measured_stands_for_its_name() -> None:
    ratios = {"en": 4.5, "ja": 5.7, "zh": 3.3, "ru": 4.6}
    claim = read("Japanese 1TB = 400B tokens")
    assert judge(claim).verdict == "fits"
    assert judge(claim, Measure("own", ratios)).verdict == "wrong"


def test_a_claim_that_has_the_ratio_of_audited_files_is_told_so() -> None:
    seen = [Seen("wiki", "t", 4.5, 1.5, compressed=True)]
    assert any("the claim has the ratio of the files" in each for each in judge(read("15GB = 10B"), seen=seen).reasons)


def test_a_csv_of_claims_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    path.write_text(
        "Name,Tokens,Bytes,language,tokenizer,compressed,remark\n"
        'C4,156B,305 GB,en,t5,gzip,x\n"a, b","1,000",4000,japanese,llm-jp,no,\n\n',
        encoding="utf-8-sig",
    )
    found, notes = read_file(str(path))
    assert [(each.name, each.tokens, each.bytes, each.language, each.compressed) for each in found] == [
        ("C4", 156e9, 305e9, "en", "gzip"),
        ("a, b", 1000, 4000, "ja", None),
    ]
    assert notes == [f"{path}: columns not used: remark"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"name,tokens\nx,5\n", "no columns `tokens` and `bytes`"),
        (b"tokens,bytes\n5B,many\n", "line 2, bytes: 'many'"),
        (b"tokens,bytes\n5B,1GB\n5B,0\n", "line 3, bytes: '0' is zero"),
        (b'tokens,bytes\n"1,5B",1GB\n', "line 2: '1,5' has a decimal comma"),
        (b"tokens,bytes,compressed\n5B,1GB,perhaps\n", "line 2, compressed: 'perhaps'"),
        (b"tokens,bytes\n5B\n", "line 2, bytes"),
        (b"tokens,bytes\n\xff,1\n", "not UTF-8"),
    ],
)
def test_a_bad_file_of_claims_is_named_with_line_and_value(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "claims.csv"
    path.write_bytes(content)
    with pytest.raises(BadSettings) as caught:
        read_file(str(path))
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_data_card_gives_a_claim_for_each_row(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(
        "# A corpus\n\n8 documents, 20 tokens of the tokenizer `llm-jp`.\n\n"
        "| source | language | kind | documents | text | tokens | share |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| wiki | ja | encyclopedia | 5 | 4.5 GB | 1,000,000,000 | 50% |\n| w\\|b | en | web | 3 | 0 B | 0 | 0% |\n\n"
        "| other | table |\n| --- | --- |\n| 1 | 2 |\n",
        encoding="utf-8",
    )
    found, notes = read_file(str(path))
    assert [(each.name, each.tokens, each.bytes, each.tokenizer, each.family) for each in found] == [
        ("wiki/ja/encyclopedia", 1e9, 4.5e9, "llm-jp", "japanese")
    ]
    assert len(notes) == 1
    assert "line 8" in notes[0]
    assert judge(found[0]).verdict == "fits"
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(BadSettings, match="no table"):
        read_file(str(path))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(BadSettings, match=r"no-such\.csv"):
        read_file("no-such.csv")


def test_names_of_tokenizers_stand_for_their_sort() -> None:
    assert {name: claims.family_named(name) for name in ("gpt-4", "gpt-4o", "Llama 2", "my own")} == {
        "gpt-4": "gpt-2", "gpt-4o": "multilingual", "Llama 2": "gpt-2", "my own": None,
    }  # fmt: skip
    assert set(verdict.SMALLER) >= set(claims.COMPRESSORS.values())
