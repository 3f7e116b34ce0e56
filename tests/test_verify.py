"""`prep verify` finds whatever differs from what a run wrote, names the file, and never ends in a traceback."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prep.errors import BadInput, BadSettings, FailedCheck
from prep.manifests import files, store
from prep.manifests.lineage import Finding
from prep.manifests.record import Shard, readable
from prep.manifests.shards import Columns, read, write
from prep.pipeline import verify
from prep.pipeline.rehash import Labelled, rehashed
from prep.pipeline.sources.piece import File
from prep.pipeline.stage import Result
from tests.test_laws_bytes import QUALITY
from tests.tiny import made, prep, tiny_run, varied_run

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
DATA = (".arrow", ".parquet", ".zst", ".bin")
STAGES = ("ingest", "count.tiny", "train.ja", "score.quality", "dedup", "mix", "size", "export")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose files tests change in place, and put back."""
    folder = tmp_path_factory.mktemp("tiny")
    made(tiny_run(folder))
    return folder / "out"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Every stage, with models trained and several shards a stage; changed in place and put back too."""
    return made(varied_run(tmp_path_factory.mktemp("varied"), quality=QUALITY))


def out_of(chain: dict[str, Result]) -> str:
    return chain["ingest"].folder.rsplit("/", 2)[0]


def found(target: object) -> list[Finding]:
    return list(verify.verify(str(target), 1).findings)


def named(target: object) -> set[str]:
    return {finding.file for finding in found(target)}


def shards(out: Path) -> list[Path]:
    named = (path for path in out.rglob("*") if path.name.endswith(DATA) or path.match("model-*.json"))
    return sorted(named)


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """The file with other content, or gone, and afterwards as it was."""
    before = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def flipped(content: bytes, at: float, bit: int) -> bytes:
    place = min(int(at * len(content)), len(content) - 1)
    return content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]


def edited(folder: str, **changes: Any) -> bytes:
    plain = json.loads((Path(folder) / "manifest.json").read_bytes())
    return readable({**plain, **changes})


# What a run wrote passes.


def test_a_run_passes_by_its_run_file_its_folder_and_its_corpus_alone(tiny: Path) -> None:
    corpus = next((tiny / "export").iterdir())
    for target in (tiny.parent / "run.yaml", tiny, f"{tiny}/", corpus):
        report = verify.verify(str(target), 1)
        assert report.findings == ()
    assert verify.verify(str(tiny), 1).documents == 103
    assert verify.verify(str(tiny), 1).shards == len(shards(tiny))


def test_every_stage_passes_with_its_sources_and_two_workers(chain: dict[str, Result]) -> None:
    out = Path(out_of(chain))
    report = verify.verify(str(out.parent / "run.yaml"), 2, sources=True)
    assert report.findings == ()
    assert report.results == len(chain)
    assert report.bytes == sum(path.stat().st_size for path in shards(out))
    assert report.sources == len(chain["ingest"].manifest.facts["digests"])
    assert report.tokens["tiny"] == sum(row["tokens"]["tiny"] for row in chain["count.tiny"].manifest.ledger["cells"])


def test_a_corpus_passes_under_another_name_and_without_receipts(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(next((tiny / "export").iterdir()), tmp_path / "corpus-v1")
    assert found(tmp_path / "corpus-v1") == []
    for receipt in (tmp_path / "corpus-v1").glob("part-*.json"):
        receipt.unlink()
    report = verify.verify(str(tmp_path / "corpus-v1"), 1)
    assert report.findings == ()
    assert report.documents == 18  # counted without them too


def test_what_is_no_shard_may_lie_beside_the_shards(tiny: Path) -> None:
    note = next((tiny / "mix").iterdir()) / "NOTES.md"
    note.write_text("mine")
    assert found(tiny) == []
    note.unlink()


def test_a_corpus_of_an_earlier_ingest_is_checked_against_that_one(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    first = made(config)
    source = tmp_path / "corpus/python.jsonl"
    source.write_text(source.read_text() + '{"text": "one more"}\n')
    later = made(config, until="count")
    assert first["ingest"].folder != later["ingest"].folder
    report = verify.verify(config, 1)
    assert report.findings == ()
    assert report.results == 6 + 2


# What changed is found.


@EXAMPLES
@given(data=st.data(), at=st.floats(0, 1), bit=st.integers(0, 7))
def test_a_flipped_bit_in_any_shard_is_found_and_the_shard_named(
    tiny: Path, data: st.DataObject, at: float, bit: int
) -> None:
    path = data.draw(st.sampled_from(shards(tiny)))
    with changed(path, flipped(path.read_bytes(), at, bit)):
        assert str(path) in named(tiny)


@EXAMPLES
@given(data=st.data(), at=st.floats(0, 1), bit=st.integers(0, 7))
def test_a_flipped_bit_in_any_recipe_receipt_manifest_or_list_of_results_is_found(
    tiny: Path, data: st.DataObject, at: float, bit: int
) -> None:
    own = [path for path in sorted(tiny.rglob("*.json")) if path.name not in ("log.json", "seen.json", "last-run.json")]
    path = data.draw(st.sampled_from(own))
    with changed(path, flipped(path.read_bytes(), at, bit)):
        assert found(tiny) != []


@pytest.mark.parametrize("stage", STAGES)
def test_damage_in_any_stage_is_found_and_the_shard_named(chain: dict[str, Result], stage: str) -> None:
    chance, out = random.Random(stage), out_of(chain)
    result = chain[stage]
    path = Path(result.folder) / chance.choice(result.manifest.shards).name
    content = path.read_bytes()
    for damage in (flipped(content, chance.random(), chance.randrange(8)), content[:-1], b"", content + b"x", None):
        with changed(path, damage):
            assert str(path) in named(out)


def test_every_difference_is_told_not_only_the_first(tiny: Path) -> None:
    one, two, three = (shards(tiny)[place] for place in (0, 5, -1))
    with changed(one, None), changed(two, b"short"), changed(three, flipped(three.read_bytes(), 0.5, 3)):
        assert {str(one), str(two), str(three)} <= named(tiny)


def test_languages_that_were_found_are_counted_again(tmp_path: Path) -> None:
    config = varied_run(tmp_path, identify={"by": "cld2"})
    assert "score.language" in made(config)
    assert verify.verify(config, 1).findings == ()


@pytest.mark.parametrize("stage", ["ingest", "count.tiny", "score.quality", "dedup", "size", "export"])
def test_two_shards_in_each_others_place_are_both_named(chain: dict[str, Result], stage: str) -> None:
    result = chain[stage]
    alike = [shard.name for shard in result.manifest.shards if shard.name.endswith(".arrow")]
    one, two = (Path(result.folder) / name for name in (alike[0], alike[-1]))
    here, there = one.read_bytes(), two.read_bytes()
    with changed(one, there), changed(two, here):
        assert {str(one), str(two)} <= named(out_of(chain))


@pytest.mark.parametrize("name", ["part-0123456789abcdef0123-0000.arrow", "data/extra.parquet", "jsonl/x.jsonl.zst"])
def test_a_shard_too_many_is_named(tiny: Path, name: str) -> None:
    path = next((tiny / "export").iterdir()) / name
    path.write_bytes(b"x")
    assert named(tiny) == {str(path)}
    path.unlink()


# A manifest that was edited, however neatly.


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all numbers in a ledger."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    elif isinstance(value, int):
        yield path


@EXAMPLES
@given(data=st.data(), more=st.integers(-3, 3).filter(bool))
def test_any_number_changed_in_any_ledger_is_found(tiny: Path, data: st.DataObject, more: int) -> None:
    path = data.draw(st.sampled_from(sorted(tiny.glob("*/*/manifest.json"))))
    plain = json.loads(path.read_bytes())
    *way, last = data.draw(st.sampled_from(list(leaves(plain["ledger"]))))
    inner = plain["ledger"]
    for key in way:
        inner = inner[key]
    inner[last] += more
    with changed(path, readable(plain)):
        if [*way, last][0] == "files" and last != "read":  # what was not read is in no file: only the chain tells
            assert found(tiny) != []
        else:
            assert str(path) in named(tiny)


@pytest.mark.parametrize("stage", STAGES)
def test_a_shard_taken_out_of_a_manifest_is_found(chain: dict[str, Result], stage: str) -> None:
    folder, listed = chain[stage].folder, json.loads(files.read(f"{chain[stage].folder}/manifest.json"))["shards"]
    with changed(Path(folder) / "manifest.json", edited(folder, shards=listed[1:])):
        assert f"{folder}/{listed[0]['name']}" in named(out_of(chain))


@pytest.mark.parametrize("stage", ["ingest", "count.tiny", "score.quality", "dedup", "size", "export"])
def test_two_shards_listed_in_each_others_place_are_found(chain: dict[str, Result], stage: str) -> None:
    folder, listed = chain[stage].folder, json.loads(files.read(f"{chain[stage].folder}/manifest.json"))["shards"]
    half = len(listed) // 2  # whole units change places
    with changed(Path(folder) / "manifest.json", edited(folder, shards=listed[half:] + listed[:half])):
        assert any(name.startswith(folder) for name in named(out_of(chain)))


@pytest.mark.parametrize("stage", ["ingest", "count.tiny", "dedup", "export"])
def test_a_unit_that_goes_with_its_receipt_is_missed(chain: dict[str, Result], stage: str) -> None:
    result = chain[stage]
    last = result.manifest.shards[-1].name
    receipt = next(path for path in Path(result.folder).glob("part-*.json") if last in path.read_text())
    gone = {shard["name"] for shard in json.loads(receipt.read_bytes())["shards"]}
    listed = [vars(shard) for shard in result.manifest.shards if shard.name not in gone]
    manifest = Path(result.folder) / "manifest.json"
    with changed(manifest, edited(result.folder, shards=listed)), changed(receipt, None):
        assert str(manifest) in named(out_of(chain))


def test_a_column_of_another_type_is_found(chain: dict[str, Result]) -> None:
    folder = chain["count.tiny"].folder
    with changed(Path(folder) / "manifest.json", edited(folder, schema={"n_tokens.tiny": "int32"})):
        first = f"{folder}/{chain['count.tiny'].manifest.shards[0].name}"
        texts = [finding.text for finding in found(out_of(chain)) if finding.file == first]
        assert texts == ["column n_tokens.tiny is int64, the manifest says int32"]


def test_a_shard_forged_with_its_receipt_and_manifest_still_fails_the_books(tiny: Path) -> None:
    folder = next((tiny / "count").iterdir())
    manifest = store.manifest(str(folder))
    assert manifest is not None
    shard = manifest.shards[0]
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    [batch] = read(Columns(str(folder / shard.name)))
    more = pa.record_batch([pa.array([n + 1 for n in batch[0].to_pylist()])], schema=batch.schema)
    new = write(str(folder), shard.name, batch.schema, [more])
    for name in ("manifest.json", shard.name.replace(".arrow", ".json")):
        plain = json.loads(kept[folder / name])
        plain["shards"] = [vars(new) if each["name"] == shard.name else each for each in plain["shards"]]
        (folder / name).write_bytes(readable(plain))
    files_ = {finding.file for finding in found(tiny) if finding.check == "ledger"}
    assert str(folder / "manifest.json") in files_
    assert str(folder / shard.name.replace(".arrow", ".json")) in files_
    for path, content in kept.items():
        path.write_bytes(content)


def test_what_travels_with_a_corpus_is_checked_with_it(tiny: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(next((tiny / "export").iterdir()), corpus)
    manifest = corpus / "provenance/size/manifest.json"
    plain = json.loads(manifest.read_bytes())
    plain["ledger"]["selection"][0]["copies"] += 1
    with changed(manifest, readable(plain)):
        checks = {(finding.check, finding.file) for finding in found(corpus)}
        assert ("inputs", str(corpus / "manifest.json")) in checks
        assert ("balance", str(corpus / "manifest.json")) in checks
    with changed(corpus / "provenance/ingest/recipe.json", None):
        assert str(corpus / "provenance/ingest/recipe.json") in named(corpus)
    with changed(corpus / "manifest.json", None):
        assert named(corpus) == {str(corpus / "manifest.json")}


@pytest.mark.parametrize("folder", ["size/000000000000", "../elsewhere", "", "mix"])
def test_a_result_that_is_named_and_not_there_is_found(tiny: Path, folder: str) -> None:
    named_ = {**store.current(str(tiny)), "size": folder}
    with changed(tiny / "current.json", readable(named_)):
        assert str(tiny / "current.json") in named(tiny)


def test_a_result_without_its_manifest_is_not_finished(tiny: Path) -> None:
    manifest = next((tiny / "mix").iterdir()) / "manifest.json"
    with changed(manifest, None):
        assert str(manifest) in named(tiny)


# Whatever lies there, it is told and not thrown.


@EXAMPLES
@given(data=st.data(), value=JSON | st.binary(max_size=40))
def test_any_content_of_any_json_file_is_a_finding(tiny: Path, data: st.DataObject, value: object) -> None:
    path = data.draw(st.sampled_from(sorted(tiny.rglob("*.json"))))
    with changed(path, value if isinstance(value, bytes) else json.dumps(value).encode()):
        assert found(tiny) != [] or path.name in ("log.json", "seen.json", "last-run.json")


@EXAMPLES
@given(data=st.data(), value=JSON)
def test_any_value_in_a_ledger_the_facts_or_the_settings_is_a_finding(
    tiny: Path, data: st.DataObject, value: object
) -> None:
    name = data.draw(st.sampled_from(("manifest.json", "recipe.json", "part-*.json")))
    path = data.draw(st.sampled_from(sorted(tiny.glob(f"*/*/{name}"))))
    plain = json.loads(path.read_bytes())
    part = plain[data.draw(st.sampled_from([key for key in ("ledger", "facts", "settings") if key in plain]))]
    key = data.draw(st.sampled_from(sorted(part) or ["new"]))
    before, part[key] = part.get(key), value
    with changed(path, readable(plain)):
        assert found(tiny) != [] or before == value


def test_a_name_that_leads_out_of_its_folder_is_not_followed(tiny: Path) -> None:
    folder = next((tiny / "mix").iterdir())
    listed = [vars(Shard("../../current.json", 1, 1, "0"))]
    with changed(folder / "manifest.json", edited(str(folder), shards=listed)):
        assert any("leads out" in finding.text for finding in found(tiny))


# What is no run is refused.


def test_what_is_neither_a_run_nor_a_corpus_is_refused(tiny: Path, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "nowhere", tiny / "ingest", next((tiny / "ingest").iterdir())):
        with pytest.raises(BadInput):
            verify.verify(str(target), 1)
    with pytest.raises(BadInput, match="no finished run"):
        verify.verify(tiny_run(tmp_path), 1)


# Sources.


def test_a_source_that_changed_or_is_gone_is_named(tmp_path: Path) -> None:
    config = varied_run(tmp_path)
    made(config, until="ingest")

    def differs() -> set[str]:
        return {finding.file for finding in verify.verify(config, 1, sources=True).findings}

    wiki, book, code = (tmp_path / "corpus" / name for name in ("wiki_ja/b.parquet", "books_en/1/b001.txt", "python"))
    assert differs() == set()
    with changed(wiki, flipped(wiki.read_bytes(), 0.5, 1)):
        assert differs() == {str(wiki)}
    with changed(wiki, wiki.read_bytes()[:-9]), changed(book, None):
        assert differs() == {str(wiki), "books_en/1/b001.txt"}
    shutil.rmtree(code)
    assert any(str(code) in name for name in differs())


def test_a_part_of_a_source_is_hashed_as_that_part(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"0123456789")
    file = File(str(path), "a.jsonl", 10)
    assert rehashed(Labelled(file, 2, 5, xxhash.xxh3_128_hexdigest(b"234"))) == []
    assert "bytes 2 to 5" in rehashed(Labelled(file, 2, 5, xxhash.xxh3_128_hexdigest(b"23")))[0].text


def test_sources_need_the_run_file(tiny: Path) -> None:
    with pytest.raises(BadSettings, match="run file"):
        verify.verify(str(tiny), 1, sources=True)


# The command.


def test_the_command_tells_by_its_exit_code_and_in_json(tiny: Path) -> None:
    whole = prep("verify", str(tiny), "-j", "1")
    assert (whole.returncode, len(whole.stdout.splitlines())) == (0, 1)
    path = shards(tiny)[0]
    with changed(path, b""):
        broken = prep("verify", str(tiny), "-j", "2", "--json")
        assert (broken.returncode, "Traceback" in broken.stderr) == (1, False), broken.stderr
        report = json.loads(broken.stdout)
        assert not report["ok"]
        assert report["findings"][0]["file"] == str(path)
        with pytest.raises(FailedCheck):
            verify.verify(str(tiny), 1).must_be_clean()
    assert prep("verify", str(tiny / "nowhere")).returncode == 2
