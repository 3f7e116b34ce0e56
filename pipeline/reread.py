"""The files of every result read again, spread over workers; the books that they tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prep.manifests import files, store, verify
from prep.manifests.lineage import Finding, Lineage, Made
from prep.manifests.record import Manifest, Receipt, Recipe, Shard
from prep.pipeline import exported, recount
from prep.pipeline.formats import FORMATS
from prep.pipeline.progress import Screen
from prep.pipeline.recount import Part, Probe, Probed
from prep.pipeline.run import Standing
from prep.pipeline.spread import Spread

# What is counted from its own files; from those beside documents; from those beside documents and their tokens.
ONE_UNIT = ("train", "train-tokenizer")  # all files of such a result are of one unit
ROUNDS = (("ingest", *ONE_UNIT, "mix", "export"), ("count", "score", "dedup"), ("size",))
UNIT = re.compile(r"[0-9a-f]{20}-\d{4}|(?<=/).+-\d{5,}-of-\d{5,}")  # what the names of one unit's files have in common


@dataclass
class Check:
    """One verification as it goes: what was found, which files are whole, and the books."""

    chain: Lineage
    alone: bool  # an exported corpus: the files of the last result alone are here
    found: list[Finding]
    whole: set[str] = field(default_factory=set)
    receipts: dict[str, list[Receipt]] = field(default_factory=dict)  # by the result's folder
    counted: dict[str, dict[str, Any]] = field(default_factory=dict)  # books counted from files, likewise

    @property
    def here(self) -> Sequence[Made]:
        """The results whose files are here."""
        return self.chain.results[-1:] if self.alone else self.chain.results

    def input(self, result: Made, name: str) -> Made | None:
        """What a result was made from, by its name or stage."""
        inputs = self.chain.inputs[result.folder]
        return inputs.get(name) or next((made for made in inputs.values() if made.stage == name), None)

    def page(self, result: Made | None) -> Mapping[str, Any]:
        """The books of a result: counted where they could be, else as its manifest has them."""
        if result is None or result.manifest is None:
            raise KeyError("the ledger of what it was made from is not there")
        return {**result.manifest.ledger, **self.counted.get(result.folder, {})}


def everything(state: Check, spread: Spread, screen: Screen) -> None:
    """Read every file, those first that others are counted beside."""
    manifests = [result.manifest for result in state.here if result.manifest]
    with screen.stage("verify") as stage:
        weight = sum(shard.bytes for manifest in manifests for shard in manifest.shards)
        stage.begin(Standing(to_make=sum(len(units(manifest)) for manifest in manifests), weight=weight))
        for stages in ROUNDS:
            results = [result for result in state.here if result.stage in stages and result.manifest]
            probes = [probes_of(state, result) for result in results]
            probed = spread(recount.probe, [probe for own in probes for probe in own])
            for result, own in zip(results, probes, strict=True):
                take(state, result, [(probe, _done(next(probed), probe, stage)) for probe in own])
    for result in state.here:
        if not any(result.stage in stages for stages in ROUNDS):
            state.found.append(Finding(result.path, "recipe", f"stage {result.stage!r} is not known to this version"))


def _done(probed: Probed, probe: Probe, screen: Screen) -> Probed:
    screen.advance(sum(shard.bytes for shard in probe.shards))
    return probed


def take(state: Check, result: Made, own: Sequence[tuple[Probe, Probed]]) -> None:
    """Take what was found in a result's files, and hold the books they tell against its receipts and its manifest."""
    receipts = {shard.name: receipt for receipt in state.receipts[result.folder] for shard in receipt.shards}
    for probe, probed in own:
        state.found += probed.findings
        state.whole |= probed.whole
        receipt = receipts.get(probe.shards[0].name)
        if receipt is not None and probed.page is not None:
            path = files.join(result.folder, receipt.name)
            page = probed.page if result.stage != "mix" else {}  # its receipt holds no books
            state.found += verify.shaped(path, verify.differ(path, "ledger", receipt.ledger, page, "the files"))
    pages = [probed.page for _, probed in own if probed.page is not None]
    if result.manifest is not None and pages and len(pages) == len(own):
        state.counted[result.folder] = page = recount.totals(result.stage, pages)
        state.found += verify.shaped(result.path, verify.page(result.path, result.manifest.ledger, page, "the files"))


def probes_of(state: Check, result: Made) -> list[Probe]:
    """What to read of a result: the files of each unit together."""
    manifest, recipe = result.manifest, result.recipe or Recipe(result.stage, -1, {})
    if manifest is None:
        return []
    before = len(state.found)
    receipts = state.receipts[result.folder] = _receipts(state, result, manifest)
    if len(state.found) == before and recount.known(recipe):
        state.found += verify.shaped(result.path, units_as_asked(state, result, recipe, manifest))
    if result.stage == "export":
        state.found += exported.strays(result, recipe, manifest)
        if recount.known(recipe):
            state.found += verify.shaped(result.path, exported.header(result, recipe, manifest))
    else:
        state.found += verify.strays(result, manifest)
    by_name = {shard.name: (receipt, shard.sha256) for receipt in receipts for shard in receipt.shards}
    beside = _beside(state, result, recipe, manifest)
    probes = []
    for unit in units(manifest):
        said = [by_name[shard.name] for shard in unit if shard.name in by_name]
        taken = said[0][0].taken if said else None
        others = frozenset(sha256 for _, sha256 in said)
        probes.append(Probe(recipe, result.folder, unit, others, manifest.schema, beside.get(unit[0].name), taken))
    return probes


def _receipts(state: Check, result: Made, manifest: Manifest) -> list[Receipt]:
    """The receipts of a result; a corpus that was copied without any is not blamed for it."""
    if state.alone and not any(map(verify.RECEIPT.fullmatch, files.names(result.folder))):
        return []
    return verify.receipts(result, manifest, state.found)


def units(manifest: Manifest) -> list[tuple[Shard, ...]]:
    """The shards of each unit; those of a training are one."""
    found: dict[str, list[Shard]] = {}
    for shard in manifest.shards:
        unit = UNIT.search(shard.name) if manifest.stage not in ONE_UNIT else UNIT.search(manifest.shards[0].name)
        found.setdefault(unit[0] if unit else shard.name, []).append(shard)
    return [tuple(unit) for unit in found.values()]


def _beside(state: Check, result: Made, recipe: Recipe, manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """By name of a shard, the whole shards that it stands beside; none where one of them is not whole."""
    names = ["ingest"] if result.stage in ("count", "score", "dedup", "size") else []
    if result.stage == "size":
        names.append(f"count.{recipe.settings.get('tokenizer')}")
    own = [name for _, name in store.parts(manifest)]
    if not names:
        return {shard.name: () for shard in manifest.shards}
    columns: list[list[str]] = []
    for name in names:
        other = state.input(result, name)
        paths = [files.join(other.folder, part) for _, part in _parts(other)] if other else []
        if len(paths) != len(own):
            text = f"has {len(own):,} shards, but {name} that it was made from has {len(paths):,}"
            state.found.append(Finding(result.path, "rows", text))
            return {}
        columns.append(paths)
    rows = zip(own, zip(*columns, strict=True), strict=True)
    return {name: paths for name, paths in rows if state.whole.issuperset(paths)}


def _parts(result: Made | None) -> list[tuple[str, str]]:
    return list(store.parts(result.manifest)) if result and result.manifest else []


def units_as_asked(state: Check, result: Made, recipe: Recipe, manifest: Manifest) -> Iterator[Finding]:
    """Whether a result's units are those that its recipe makes, all of them and in their order."""
    there = list(dict.fromkeys(receipt.key for receipt in state.receipts[result.folder]))
    documents = state.input(result, "ingest")
    if documents and documents.manifest and manifest.inputs.get("ingest") != documents.manifest.digest:
        return  # said already; its units are named by those of another ingest
    parts = _documents(state, documents) if result.stage in ("count", "score", "dedup") else []
    first = [unit[0].name for unit in units(manifest)]
    asked = recount.keys(recipe, parts, first)
    if there and asked is not None and there != asked:
        pairs = zip([*there, ""], [*asked, ""], strict=False)
        place = next(place for place, (one, two) in enumerate(pairs) if one != two)
        how = "other units than" if sorted(there) != sorted(asked) else "units in another order than"
        yield Finding(result.path, "order", f"lists {how} its recipe makes, from unit {place + 1} on")
    if result.stage == "export":
        formats = [FORMATS[name].pattern for name in recipe.settings["formats"]]
        files_of = Counter(recount.part_of(name)[0] for name in first)
        in_order = [(part, number, count) for part, count in files_of.items() for number in range(count)]
        names = [
            pattern.format(part=part, number=number, count=count)
            for part, number, count in in_order
            for pattern in formats
        ]
        for shard, name in zip(manifest.shards, names, strict=False):
            if shard.name != name:
                yield Finding(result.path, "order", f"lists {shard.name} where {name} belongs")


def _documents(state: Check, ingested: Made | None) -> list[Part]:
    """The shards of documents, with the languages that their receipts tell."""
    receipts = state.receipts.get(ingested.folder, []) if ingested else []
    owners = {shard.name: receipt for receipt in receipts for shard in receipt.shards}
    sums = {shard.name: shard.sha256 for receipt in receipts for shard in receipt.shards}
    return [
        Part(part, sums[name], frozenset(row["language"] for row in owners[name].ledger["cells"]))
        for part, name in _parts(ingested)
    ]
