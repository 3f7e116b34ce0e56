"""Which result was made from which, read from recipes and manifests. Every doubt is a finding, none an exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from prep.manifests import files
from prep.manifests.files import RESULT
from prep.manifests.record import FORMAT, SHORT, Manifest, Receipt, Recipe, intact, readable
from prep.manifests.store import CURRENT, MANIFEST, RECIPE

PROVENANCE = "provenance"  # folder of an exported corpus that holds the recipe and manifest of every stage
OWN = {"count": "tokenizer", "train": "language"}  # stages of several results: the setting that their name ends with

Read = TypeVar("Read", Manifest, Receipt, Recipe, dict[str, str])
_SHAPES: dict[Any, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (Manifest, Receipt, Recipe, dict[str, str])}


@dataclass(frozen=True)
class Finding:
    """One thing that differs: the file, what was checked, and how it differs."""

    file: str
    check: str
    text: str


@dataclass(frozen=True)
class Made:
    """A result as its files tell: its name in the chain, its folder, and what could be read of it."""

    name: str
    folder: str
    recipe: Recipe | None
    manifest: Manifest | None

    @property
    def stage(self) -> str:
        """The part of the name that says which stage made it."""
        return self.name.partition(".")[0]

    @property
    def path(self) -> str:
        """Of the manifest."""
        return files.join(self.folder, MANIFEST)


@dataclass(frozen=True)
class Lineage:
    """Results, each after none in particular, and for each (by folder) the results it was made from, by name."""

    results: tuple[Made, ...]
    inputs: Mapping[str, Mapping[str, Made]]


def parsed(kind: type[Read], path: str, found: list[Finding]) -> Read | None:
    """A JSON file that `prep` wrote; None where it is gone or holds something else. Any edit of its bytes is found."""
    try:
        content = files.read(path)
        value: Read = _SHAPES[kind].validate_json(content, strict=True)
        same = readable(asdict(value) if is_dataclass(value) else value) == content
    except FileNotFoundError:
        found.append(Finding(path, "missing", "the file is gone"))
    except (OSError, ValueError, RecursionError) as error:  # pydantic's ValidationError is a ValueError
        found.append(Finding(path, "unreadable", " ".join(str(error).split())))
    else:
        if not same:
            found.append(Finding(path, "edited", "its bytes are not as `prep` writes them: it was edited"))
        if isinstance(value, Manifest) and not intact(value.evidence):
            found.append(Finding(path, "edited", "its evidence is not what was written"))
        if not isinstance(value, Manifest) or value.format == FORMAT:
            return value
        found.append(Finding(path, "unreadable", f"format is {value.format!r}, this version reads {FORMAT!r}"))
    return None


def made(name: str, folder: str, found: list[Finding]) -> Made:
    """Read a result's recipe and manifest."""
    recipe = parsed(Recipe, files.join(folder, RECIPE), found)
    return Made(name, folder, recipe, parsed(Manifest, files.join(folder, MANIFEST), found))


def of_output(out: str, found: list[Finding]) -> Lineage:
    """The results that the last run named, and the earlier results that some of them were made from."""
    path = files.join(out, CURRENT)
    results: list[Made] = []
    for name, folder in (parsed(dict[str, str], path, found) or {}).items():
        if RESULT.fullmatch(folder) is None or not files.exists(files.join(out, folder)):
            found.append(Finding(path, "current", f"{name}: {folder!r} is no result in this folder"))
        else:
            results.append(made(name, files.join(out, folder), found))
    inputs: dict[str, Mapping[str, Made]] = {}
    for result in results:  # grows while it is walked: what an earlier result was made from is looked for too
        inputs[result.folder], earlier = _inputs(out, result, results, found)
        results += earlier
    return Lineage(tuple(results), inputs)


def _inputs(out: str, result: Made, known: Sequence[Made], found: list[Finding]) -> tuple[dict[str, Made], list[Made]]:
    """What a result was made from, and those of them that were not known yet."""
    inputs: dict[str, Made] = {}
    earlier: list[Made] = []
    for name, digest in (result.manifest.inputs if result.manifest else {}).items():
        named = [other for other in known if other.name == name]
        there = _with_digest(named, digest) or _with_digest(_finished(out, name), digest)
        if there is None:
            found.append(_foreign(result, name, digest, named))
        elif there.folder not in {other.folder for other in known}:
            earlier.append(made(name, there.folder, found))
        if there or named:
            inputs[name] = there or named[0]
    return inputs, earlier


def _finished(out: str, name: str) -> Iterator[Made]:
    """Finished results of a stage, whatever run they are of."""
    stage = name.partition(".")[0]
    for folder in files.names(files.join(out, stage)):
        if RESULT.fullmatch(f"{stage}/{folder}"):
            yield made(name, files.join(out, stage, folder), [])


def _with_digest(results: Iterator[Made] | Sequence[Made], digest: str) -> Made | None:
    return next((one for one in results if one.manifest and one.manifest.digest == digest), None)


def _foreign(result: Made, name: str, digest: str, named: Sequence[Made]) -> Finding:
    has = [f"{one.path} has {one.manifest.digest[:SHORT]}" for one in named if one.manifest]
    text = f"made from {name} whose manifest has digest {digest[:SHORT]}, which is not there"
    return Finding(result.path, "inputs", "; ".join([text, *has]))


def of_corpus(folder: str, found: list[Finding]) -> Lineage:
    """An exported corpus alone: itself, and the recipes and manifests that travel with it."""
    results = [
        made(name, files.join(folder, PROVENANCE, name), found)
        for name in files.names(files.join(folder, PROVENANCE))
        if not name.startswith(".")
    ]
    results.append(made("export", folder, found))
    inputs: dict[str, dict[str, Made]] = {}
    for result in results:
        there = {one.name: one for one in results[:-1]}
        wanted = result.manifest.inputs if result.manifest else {}
        inputs[result.folder] = {name: there[name] for name in wanted if name in there}
        found += [
            _foreign(result, name, digest, [there[name]] if name in there else [])
            for name, digest in wanted.items()
            if name not in there or _with_digest([there[name]], digest) is None
        ]
    return Lineage(tuple(results), inputs)


def recipes(lineage: Lineage) -> Iterator[Finding]:
    """Whether each manifest belongs to its recipe, its folder and its name."""
    for result in lineage.results:
        path, recipe, manifest = files.join(result.folder, RECIPE), result.recipe, result.manifest
        *_, stage, folder = ("", *result.folder.rsplit("/", 2))
        if recipe is not None:
            if RESULT.fullmatch(f"{stage}/{folder}") and folder != recipe.digest[:SHORT]:
                yield Finding(path, "recipe", f"has digest {recipe.digest[:SHORT]}, its folder says {folder}")
            if recipe.stage != result.stage:
                yield Finding(path, "recipe", f"is of stage {recipe.stage!r}, but is named as {result.name!r}")
            setting = OWN.get(result.stage)
            if setting and result.name != f"{result.stage}.{recipe.settings.get(setting)}":
                yield Finding(path, "recipe", f"is of {recipe.settings.get(setting)!r}, but is named {result.name!r}")
        if manifest is not None and manifest.stage != result.stage:
            yield Finding(result.path, "recipe", f"is of stage {manifest.stage!r}, but is named as {result.name!r}")
        if recipe is not None and manifest is not None:
            yield from _agree(result, recipe, manifest)


def _agree(result: Made, recipe: Recipe, manifest: Manifest) -> Iterator[Finding]:
    if recipe.digest != manifest.recipe:
        text = f"made by recipe {manifest.recipe[:SHORT]}, but {RECIPE} has digest {recipe.digest[:SHORT]}"
        yield Finding(result.path, "recipe", text)
    # A recipe that depends on some shards of an input only, as that of `train`, lists their keys instead of a digest.
    whole = {name: digest for name, digest in recipe.inputs.items() if isinstance(digest, str)}
    for name in sorted(whole.keys() | manifest.inputs.keys()):
        one, two = whole.get(name, "nothing"), manifest.inputs.get(name, "nothing")
        if one != two:
            yield Finding(result.path, "inputs", f"{name} is {two[:SHORT]}, the recipe says {one[:SHORT]}")
