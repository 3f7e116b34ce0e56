"""What a tokenizer learns from: sentences that lose nothing, and documents drawn alike however they lie."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.manifests.shards import write
from prep.pipeline.ingest import hashes
from prep.pipeline.spread import serial
from prep.pipeline.vocabulary import draws
from prep.pipeline.vocabulary.sentences import RESERVED, lost, sentences, whole
from prep.pipeline.vocabulary.shares import Quota
from tests.tiny import made, tiny_run

LETTERS = st.text(st.sampled_from("aé東。 .\n!▅\t𠮷"), max_size=300)
CELLS = (("web", "ja", "web"), ("wiki", "ja", "wiki"), ("web", "en", "web"))
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("source", "language", "kind")),
        ("n_bytes", pa.int64()),
        ("draw_key", pa.uint64()),
        ("text_hash", pa.binary(16)),
        ("id_hash", pa.binary(16)),
        ("text", pa.large_string()),
    ]
)
Document = tuple[int, str]  # the number of its cell, and its text


@given(LETTERS, st.integers(4, 60))
def test_sentences_hold_all_of_a_text_but_line_ends_and_what_is_told_lost(text: str, longest: int) -> None:
    found = list(sentences(text, longest))
    assert "".join(found) == text.replace("\n", "").replace(RESERVED, "")
    assert all(0 < len(one.encode()) <= longest for one in found)
    n_bytes = sum(len(one.encode()) for one in found)
    assert n_bytes + lost(text) + text.count("\n") == len(text.encode())


def test_a_long_line_is_cut_after_the_last_sentence_in_reach() -> None:
    assert list(sentences("あい。うえ。おかき", 20)) == ["あい。うえ。", "おかき"]
    assert list(sentences("one two three four", 10)) == ["one two ", "three four"]
    assert list(sentences("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]


@given(LETTERS, st.integers(0, 400))
def test_a_cut_never_splits_a_character(text: str, most: int) -> None:
    content = text.encode()
    place = whole(content, most)
    assert place <= most
    assert content[:place].decode() == text[: len(content[:place].decode())]
    assert place > most - 4 or place == len(content)


def shards(folder: Path, documents: list[Document], number: int) -> list[str]:
    """The documents dealt out to some shards."""
    paths = []
    for part in range(number):
        own = documents[part::number]
        texts = pa.array([text for _, text in own], pa.large_string())
        hashed = hashes(texts)
        keys = [int.from_bytes(one.as_py()[:8], "big") for one in hashed]
        columns = [pa.array([CELLS[cell][place] for cell, _ in own], pa.string()) for place in range(3)]
        columns += [pa.array([len(text.encode()) for _, text in own], pa.int64()), pa.array(keys, pa.uint64())]
        batch = pa.record_batch([*columns, hashed, hashed, texts], schema=SCHEMA)
        write(str(folder), f"{number}-{part}.arrow", SCHEMA, [batch])
        paths.append(str(folder / f"{number}-{part}.arrow"))
    return paths


DOCUMENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40).map(lambda n: f"{n} " * (n + 1))), max_size=60)


@settings(max_examples=30)
@given(DOCUMENTS, st.integers(0, 2000), st.integers(0, 300))
def test_draws_do_not_see_how_documents_lie(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], sample: int, apart: int
) -> None:
    folder = tmp_path_factory.mktemp("draws")
    quotas = tuple(Quota(*cell, sample, apart) for cell in CELLS)
    found = [draws.selected(serial, shards(folder, documents, number), 5, quotas) for number in (1, 3)]
    sets = [
        {tuple(row[name].item() for name in ("cell", "high", "low", "taken", "held_out")) for row in rows}
        for rows in found
    ]
    assert sets[0] == sets[1]
    assert all(len(rows) == len(names) for rows, names in zip(found, sets, strict=True))  # each text once
    rows = found[0]
    held = set(rows["high"][rows["held_out"]].tolist())
    assert held.isdisjoint(rows["high"][~rows["held_out"]].tolist())  # and its copies in other cells neither
    for cell in range(3):
        texts = {text for number, text in documents if number == cell}
        own = rows[rows["cell"] == cell]
        got, there = own[~own["held_out"]]["taken"].sum(), sum(len(text.encode()) for text in texts)
        lines = draws.read(draws.Wanted(shards(folder, documents, 1)[0], own["row"].copy(), own["bytes"].copy()))
        assert set(lines["text"].to_pylist()) <= texts
        assert got <= sample
        if got < sample:  # then everything is in it that is not held out, in whichever cell
            outside = sum(len(text.encode()) for text in texts if hash_of(text) not in held)
            assert got == outside
        assert own[own["held_out"]]["taken"].sum() <= min(apart, there)
        if texts and not held:
            assert len(own) or not sample


def hash_of(text: str) -> int:
    return int.from_bytes(hashes(pa.array([text], pa.large_string()))[0].as_py()[:8], "big")


def test_a_source_of_one_text_is_learnt_from_and_not_held_out(tmp_path: Path) -> None:
    rows = draws.selected(serial, shards(tmp_path, [(0, "alone")] * 3, 1), 5, (Quota(*CELLS[0], 100, 100),))
    assert rows["held_out"].tolist() == [False]


def test_the_sample_has_the_shares_of_the_mix(tmp_path: Path) -> None:
    from prep.pipeline import runfile
    from prep.pipeline.vocabulary.shares import BYTES, quotas, shares

    config = tiny_run(tmp_path)
    run = runfile.load(config)
    ingested = made(config, until="ingest")["ingest"]
    found = shares(run, ingested, None)
    assert found.by == BYTES
    assert (
        found.text
        == found.tokens
        == {
            ("wiki_ja", "ja", "encyclopedia"): Fraction(2, 5),
            ("web_en", "en", "web"): Fraction(2, 5),
            ("python", "code", "code"): Fraction(1, 5),
        }
    )
    assert sum(quota.sample for quota in quotas(ingested, found, 1000, 200)) == 1000
    counted = made(config, until="count")["count.tiny"].manifest.ledger["cells"]
    by_count = shares(run, ingested, None)
    assert by_count.by == "tiny"
    per_token = {row["language"]: Fraction(row["bytes"], row["tokens"]["tiny"]) for row in counted}
    whole_text = sum(share * per_token[cell[1]] for cell, share in by_count.tokens.items())
    assert by_count.text == {cell: share * per_token[cell[1]] / whole_text for cell, share in by_count.tokens.items()}
    assert shares(run, ingested, "bytes").text == found.text
    assert np.isclose(float(sum(by_count.text.values())), 1)
