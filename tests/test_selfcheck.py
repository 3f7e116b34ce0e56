"""No wrong engine is believed, a right one is, and what was found is remembered for exactly as long as it holds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.cached import folder
from prep.pipeline.tokenizers import adversarial, open_tokenizer, remembered, selfcheck
from prep.pipeline.tokenizers.counter import Ask, Engine, Specials
from prep.pipeline.tokenizers.files import find
from prep.pipeline.tokenizers.selfcheck import Checked, Known, Refusal, Sample, check, decide
from tests import planted
from tests.planted import Characters, OneIn200, Prudish, Raises, Right, ask, large
from tests.shared import TOKENIZERS, needs_shared

WORDS = "the river runs through a small town and people walk there on Sunday".split()  # noqa: SIM905 - readable
SOURCES = {"web": 200, "books": 60, "notes": 3}  # documents of each


def documents(seed: int = 0) -> Iterator[tuple[str, str, str]]:
    """Source, id and text: plain words only, none long, so that only what is made beside them can show more."""
    for source, number in SOURCES.items():
        for row in range(number):
            length = 5 + (row * 37 + seed) % 90
            yield (
                source,
                f"{source}/{row}",
                " ".join(WORDS[(row * 7 + at * at + seed) % len(WORDS)] for at in range(length)),
            )


def sampled(rows: Iterator[tuple[str, str, str]] | None = None) -> Sample:
    sources, ids, texts = zip(*(rows or documents()), strict=True)
    return Sample(large(texts), ids, sources)


SAMPLE = sampled()
SILENT = (planted.Raises, planted.Short, planted.Fractions)  # these give no counts at all


def test_a_right_engine_is_believed_for_every_source() -> None:
    evidence = decide(ask(), [Right()], SAMPLE)
    assert evidence.refusals == ()
    assert {checked.source: (checked.engine, checked.documents) for checked in evidence.sources} == {
        source: ("right", number) for source, number in SOURCES.items()
    }
    assert sum(checked.bytes for checked in evidence.sources) == sum(map(len, SAMPLE.texts.to_pylist()))
    assert 149_000 < min(evidence.joined) < 151_000
    assert evidence.longest == max(evidence.joined) > 999_000


@pytest.mark.parametrize("kind", planted.WRONG)
def test_a_wrong_engine_is_refused_and_totals_stay_right(kind: type[Right]) -> None:
    """Each fault is found although no document of the sample is long, odd or an emoji."""
    evidence = decide(ask(), [kind()], SAMPLE)
    (refusal,) = evidence.refusals
    assert refusal.engine == "right"
    assert refusal.document
    assert bool(refusal.error) == (kind in SILENT)
    assert bool(refusal.error) == (refusal.counted == refusal.expected)
    assert all(evidence.engine_of(source) is None for source in SOURCES)
    everything = large([*adversarial.texts(), "word " * 30_000, *SAMPLE.texts.to_pylist()])
    assert sum(counted(evidence, kind(), everything)) == Characters().count(everything).sum()


def counted(evidence: selfcheck.Evidence, engine: Engine, texts: pa.LargeStringArray) -> Iterator[int]:
    """As a run counts: by the engine that the evidence names, else by the reference."""
    counter = {engine.name: engine}.get(evidence.engine_of("web") or "", Characters())
    yield from (int(counter.count(texts[start : start + 100]).sum()) for start in range(0, len(texts), 100))


@pytest.mark.parametrize("kind", [planted.OneIn200, planted.SecondBatch, planted.Forgetful, planted.Unsliced])
def test_a_fault_in_the_sample_is_named_by_source_id_and_both_counts(kind: type[Right]) -> None:
    known = Known(SAMPLE.texts, SAMPLE.ids, SAMPLE.sources, Characters().count(SAMPLE.texts))
    refusal = check(kind(), [known])
    assert refusal is not None
    row = SAMPLE.ids.index(refusal.document)
    assert refusal.source == SAMPLE.sources[row]
    assert refusal.expected == len(SAMPLE.texts[row].as_py()) != refusal.counted
    assert f"{refusal.document} of {refusal.source}" in str(refusal)


def test_an_adversarial_text_is_shown() -> None:
    (refusal,) = decide(ask(), [Raises()], SAMPLE).refusals
    assert refusal.document.startswith("adversarial text ")
    assert "'<|endoftext|>'" in refusal.document
    assert refusal.error == "raised Panic: index out of bounds"


def test_a_wrong_engine_does_not_harm_a_right_one() -> None:
    engines = [OneIn200(name="quick"), Right(name="sound")]
    evidence = decide(ask(), engines, SAMPLE)
    assert [refusal.engine for refusal in evidence.refusals] == ["quick"]
    assert {checked.engine for checked in evidence.sources} == {"sound"}
    assert evidence.engines == (("quick", "1"), ("sound", "1"))


def test_engines_race_on_text_that_they_have_not_seen() -> None:
    engines = [planted.Recording(name="one"), planted.Recording(name="two")]
    decide(ask(), engines, SAMPLE)
    for engine in engines:
        assert sorted(engine.asked[: len(SAMPLE.texts)]) == sorted(SAMPLE.texts.to_pylist())


def test_an_engine_that_fails_in_the_race_leaves_it_to_the_others() -> None:
    sample = sampled(iter([*documents(), ("web", "web/special", "a <|endoftext|> b")]))
    evidence = decide(ask(), [Raises(name="frail"), Right(name="sound")], sample)
    assert [refusal.engine for refusal in evidence.refusals] == ["frail"]
    assert {checked.engine for checked in evidence.sources} == {"sound"}


def test_an_engine_wrong_on_one_source_is_refused_for_all() -> None:
    rows = [*documents(), ("emoji", "emoji/0", "一 🧑\u200d🚀 二")]
    sample = sampled(iter(rows))
    known = Known(sample.texts, sample.ids, sample.sources, Characters().count(sample.texts))
    refusal = check(planted.NoJoiner(), [known])
    assert refusal is not None
    assert refusal.source == "emoji"
    assert {checked.engine for checked in decide(ask(), [planted.NoJoiner()], sample).sources} == {None}


def test_the_reference_counts_each_text_once() -> None:
    reference = Characters()
    decide(ask(reference), [], SAMPLE)
    assert reference.counted == 0
    evidence = decide(ask(reference), [Right(), Right(name="other")], SAMPLE)
    assert reference.counted == evidence.adversarial_texts + len(SAMPLE.texts) + len(evidence.joined)


def test_what_the_reference_refuses_no_engine_counts() -> None:
    (refusal,) = decide(ask(Prudish()), [Right()], SAMPLE).refusals
    assert "U+0000" in refusal.error


def test_long_documents_of_the_sample_are_not_made_again() -> None:
    rows = [*documents(), ("web", "web/long", "word " * 30_000), ("books", "books/long", "word " * 199_000)]
    evidence = decide(ask(), [Right()], sampled(iter(rows)))
    assert len(evidence.joined) == 1  # of the notes
    assert evidence.longest == 995_000


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a"], ["é" * 80_000], ["\0", "x"]])
def test_samples_of_any_size_are_checked(texts: list[str]) -> None:
    sample = Sample(large(texts), list(map(str, range(len(texts)))), ["s"] * len(texts))
    evidence = decide(ask(), [Right()], sample)
    assert evidence.refusals == ()
    assert evidence.engine_of("s") == ("right" if texts else None)
    assert evidence.engine_of("another") is None


def test_evidence_is_plain_and_the_same_each_time() -> None:
    engines = [OneIn200(name="quick"), Right(name="sound")]
    evidence, again = (decide(ask(), engines, SAMPLE) for _ in range(2))
    assert evidence == again
    plain = evidence.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["sources"][0]["bound"] == pytest.approx(1 - 0.05 ** (1 / SOURCES["books"]))


@given(st.integers(1, 10**7))
def test_the_bound_is_the_rule_of_three(documents: int) -> None:
    bound = Checked("s", "e", documents, 0, 0).bound
    assert (1 - bound) ** documents == pytest.approx(0.05, rel=1e-3)
    assert bound <= 3 / documents
    if documents > 100:
        assert bound == pytest.approx(3 / documents, rel=0.02)


def test_the_reference_itself_needs_no_bound() -> None:
    assert Checked("s", None, 0, 0, 0).bound == 0


def test_a_sample_of_other_text_source_or_id_has_another_digest() -> None:
    rows = list(documents())
    digests = {sampled(iter(changed)).digest for changed in (
        rows, rows[:-1], rows[::-1], [("web2", *rows[0][1:]), *rows[1:]],
        [(rows[0][0], "other", rows[0][2]), *rows[1:]], [(*rows[0][:2], rows[0][2] + "."), *rows[1:]],
    )}  # fmt: skip
    assert len(digests) == 6
    assert sampled().digest == SAMPLE.digest


def test_a_sample_with_a_hole_is_refused() -> None:
    with pytest.raises(ValueError, match="1 null"):
        Sample(large(["a", None]), ["1", "2"], ["s", "s"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="1 ids"):
        Sample(large(["a", "b"]), ["1"], ["s", "s"])


# What is remembered


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREP_CACHE", str(tmp_path))
    return tmp_path / "selfcheck"


def test_a_check_is_made_once(cache: Path) -> None:
    reference = Characters()
    first = remembered.decided(ask(reference), [Right()], SAMPLE)
    before = reference.counted
    assert remembered.decided(ask(reference), [Right()], SAMPLE) == first
    assert reference.counted == before
    assert len(list(cache.iterdir())) == 1


def test_a_refusal_is_remembered(cache: Path) -> None:
    first = remembered.decided(ask(), [OneIn200()], SAMPLE)
    assert remembered.decided(ask(), [OneIn200()], SAMPLE) == first
    assert first.refusals
    assert len(list(cache.iterdir())) == 1


def test_an_engine_that_raised_is_asked_again(cache: Path) -> None:
    assert remembered.decided(ask(), [Raises()], SAMPLE).refusals
    assert not cache.exists()


def test_a_library_is_asked_once_what_it_makes_of_a_few_texts(cache: Path) -> None:
    opened: list[Characters] = []

    def reference() -> Characters:
        opened.append(Characters())
        return opened[-1]

    first = remembered.portrait("c0ffee", reference, ["a", "bcd"])
    assert (first.family, first.tokens) == (Characters().family, (1, 3))
    assert remembered.portrait("c0ffee", reference, ["a", "bcd"]) == first
    assert len(opened) == 1
    remembered.portrait("c0ffee", reference, ["a", "b"])
    remembered.portrait("decaf", reference, ["a", "bcd"])
    assert len(opened) == 3
    for file in (cache.parent / "portraits").iterdir():
        file.write_text(file.read_text().replace("3", "4"))
    assert remembered.portrait("c0ffee", reference, ["a", "bcd"]) == first


def test_another_tokenizer_engine_option_or_sample_is_another_question() -> None:
    first = ask()
    keys = [
        remembered.key_of(first, [Right()], SAMPLE),
        remembered.key_of(replace(first, digest="other"), [Right()], SAMPLE),
        remembered.key_of(replace(first, specials=Specials.TEXT), [Right()], SAMPLE),
        remembered.key_of(first, [Right(version="2")], SAMPLE),
        remembered.key_of(first, [Right(name="other")], SAMPLE),
        remembered.key_of(first, [Right(), Right(name="other")], SAMPLE),
        remembered.key_of(first, [Right()], sampled(documents(1))),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == remembered.key_of(ask(), [Right()], sampled())


@pytest.mark.parametrize("damage", [
    lambda content: content[: len(content) // 2], lambda content: b"", lambda content: b"[]", lambda content: b"\xff",
    lambda content: content.replace(b'"documents": 200', b'"documents": 201'), lambda content: b"[" * 100_000,
    lambda content: content.replace(b'"engine": "right"', b'"engine": "wrong"'), lambda content: b'{"key": null}',
])  # fmt: skip
def test_a_damaged_file_is_ignored_and_written_anew(cache: Path, damage: object) -> None:
    assert callable(damage)
    first = remembered.decided(ask(), [Right()], SAMPLE)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    assert damage(whole) != whole
    file.write_bytes(damage(whole))
    assert remembered.decided(ask(), [Right()], SAMPLE) == first
    assert file.read_bytes() == whole
    assert list(cache.iterdir()) == [file]


def test_a_file_of_another_question_is_ignored(cache: Path) -> None:
    first = remembered.decided(ask(), [Right()], SAMPLE)
    (file,) = cache.iterdir()
    other = remembered.key_of(ask(), [Right(version="2")], SAMPLE)
    file.rename(cache / f"{other}.json")
    evidence = remembered.decided(ask(), [Right(version="2")], SAMPLE)
    assert evidence.engines == (("right", "2"),) != first.engines


def test_without_a_folder_to_write_the_check_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "file"))
    assert remembered.decided(ask(), [Right()], SAMPLE).engine_of("web") == "right"
    assert (tmp_path / "file").read_text() == "in the way"


def test_where_checks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere/home")
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere/cache")
    monkeypatch.setenv("PREP_CACHE", "/nowhere/own")
    assert folder("selfcheck") == Path("/nowhere/own/selfcheck")
    monkeypatch.setenv("PREP_CACHE", "")
    assert folder("selfcheck") == Path("/nowhere/cache/prep/selfcheck")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folder("selfcheck") == Path("/nowhere/home/.cache/prep/selfcheck")


@needs_shared
def test_over_a_real_reference() -> None:
    files = find(str(TOKENIZERS / "llm-jp-v3.1-100k" / "tokenizer.model"))
    reference = open_tokenizer(files.path)
    asked = Ask(files, reference.digest, None, Specials.LIBRARY, lambda: reference)
    evidence = decide(asked, [Right(reference, "sound"), OneIn200(reference, "quick")], SAMPLE)
    assert {checked.engine for checked in evidence.sources} == {"sound"}
    (refusal,) = evidence.refusals
    assert isinstance(refusal, Refusal)
    assert refusal.engine == "quick"
