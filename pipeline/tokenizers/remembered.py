"""Self-checks that were made before, in a cache folder of this user: the same question is not asked twice."""

import json
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from prep.cached import folder
from prep.errors import Unable
from prep.manifests import files
from prep.manifests.record import digest, readable
from prep.pipeline.tokenizers import adversarial, selfcheck
from prep.pipeline.tokenizers.cached import code
from prep.pipeline.tokenizers.counter import Ask, Counter, Engine
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.selfcheck import Evidence, Sample

FORMAT = "prep-selfcheck/1"
CHECKS, DECISIONS, PORTRAITS = "selfcheck", "decisions", "portraits"  # folders of the cache
LARGEST = 10_000_000  # bytes of a file that is read; one source takes about 100
LIBRARIES = {Kind.JSON: "tokenizers", Kind.PAIR: "tokenizers", Kind.MODEL: "sentencepiece", Kind.RANKS: "tiktoken"}
EVIDENCE = TypeAdapter(Evidence)


@dataclass(frozen=True)
class Portrait:
    """What a tokenizer's own library says of it, and its tokens for a few texts."""

    family: str
    vocabulary: int
    tokens: tuple[int, ...]


PORTRAIT = TypeAdapter(Portrait)


def decided(ask: Ask, engines: Sequence[Engine], sample: Sample) -> Evidence:
    """The evidence, from the cache where the same was asked before."""
    if not engines:
        return selfcheck.decide(ask, engines, sample)
    key = key_of(ask, engines, sample)
    found = _found(key, ask, engines, sample)
    if found is None:
        found = selfcheck.decide(ask, engines, sample)
        # An engine that raised may have met a full disk or memory: it is asked again the next time.
        if not any(refusal.error for refusal in found.refusals):
            _keep(key, found)
    return found


def key_of(ask: Ask, engines: Sequence[Engine], sample: Sample) -> str:
    """What the outcome hangs on, and on which machine the engines are the fastest."""
    library = LIBRARIES[ask.files.kind]
    return digest(
        {
            "format": FORMAT,
            "check": selfcheck.VERSION,
            "tokenizer": ask.digest,
            "specials": ask.specials.value,
            "engines": [[engine.name, engine.version] for engine in engines],
            "reference": [library, version(library)],
            "sample": sample.digest,
            "adversarial": adversarial.digest(adversarial.texts(adversarial.own_specials(ask))),
            "machine": [platform.system(), platform.machine(), platform.python_version()],
        }
    )


def recalled(tokenizer: str, specials: str, sample: Sample) -> tuple[Evidence, dict[str, str]] | None:
    """What was found with the same code and libraries, without opening one of them: it takes seconds."""
    plain = _read(DECISIONS, _short(tokenizer, specials, sample))
    try:
        evidence = EVIDENCE.validate_json(json.dumps(plain["evidence"]), strict=True)
        unsuited = {str(engine): str(reason) for engine, reason in plain["unsuited"].items()}
    except (KeyError, AttributeError, ValueError, RecursionError):
        return None
    return (evidence, unsuited) if (evidence.tokenizer, evidence.sample) == (tokenizer, sample.digest) else None


def recall(evidence: Evidence, unsuited: dict[str, str], sample: Sample) -> None:
    """Keep it for `recalled`, but for an engine that raised: the machine may have been to blame."""
    if not any(refusal.error for refusal in evidence.refusals):
        key = _short(evidence.tokenizer, evidence.specials, sample)
        _write(DECISIONS, key, {"evidence": asdict(evidence), "unsuited": unsuited})


def known(tokenizer: str, texts: Sequence[str]) -> Portrait | None:
    """The portrait of the tokenizer of that digest, if it was made before."""
    try:
        plain = _read(PORTRAITS, _asked(tokenizer, texts))["evidence"]
        found = PORTRAIT.validate_json(json.dumps(plain), strict=True)
    except (KeyError, ValueError, RecursionError):
        return None
    return found if len(found.tokens) == len(texts) else None


def portrait(tokenizer: str, reference: Callable[[], Counter], texts: Sequence[str]) -> Portrait:
    """The same; else the library is opened for it: that takes up to a second."""
    if (found := known(tokenizer, texts)) is not None:
        return found
    opened = reference()
    tokens = opened.count(pa.array(texts, pa.large_string())).tolist()
    made = Portrait(opened.family, opened.vocabulary, tuple(tokens))
    _write(PORTRAITS, _asked(tokenizer, texts), {"evidence": asdict(made)})
    return made


def _asked(tokenizer: str, texts: Sequence[str]) -> str:
    return digest({"asked": [FORMAT, code(), tokenizer, list(texts)], "libraries": _versions(LIBRARIES.values())})


def _short(tokenizer: str, specials: str, sample: Sample) -> str:
    libraries = _versions([*LIBRARIES.values(), "gigatoken", "fastokens", "numba"])
    machine = [platform.system(), platform.machine(), platform.python_version()]
    asked = [FORMAT, selfcheck.VERSION, code(), tokenizer, specials, sample.digest]
    return digest({"asked": asked, "libraries": libraries, "machine": machine})


def _versions(libraries: Iterable[str]) -> dict[str, str]:
    return {name: version(name) for name in sorted(set(libraries))}


def _found(key: str, ask: Ask, engines: Sequence[Engine], sample: Sample) -> Evidence | None:
    """A whole, consistent file of this very question, or nothing."""
    try:
        evidence = EVIDENCE.validate_json(json.dumps(_read(CHECKS, key)["evidence"]), strict=True)
    except (KeyError, ValueError, RecursionError):
        return None
    counts = {None, *(engine.name for engine in engines)} - {refusal.engine for refusal in evidence.refusals}
    same = (evidence.tokenizer, evidence.sample) == (ask.digest, sample.digest)
    return evidence if same and all(checked.engine in counts for checked in evidence.sources) else None


def _keep(key: str, evidence: Evidence) -> None:
    _write(CHECKS, key, {"evidence": asdict(evidence)})


def _read(name: str, key: str) -> dict[str, Any]:
    """What was written under a key; empty where nothing was, or it is damaged, or another's."""
    place = folder(name)
    try:
        if place is None or (place / f"{key}.json").stat().st_size > LARGEST:
            return {}
        plain = json.loads((place / f"{key}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(plain, dict) or plain.get("key") != key or plain.get("sum") != digest(plain.get("evidence")):
        return {}
    return plain


def _write(name: str, key: str, plain: dict[str, Any]) -> None:
    """Whole or not at all; a folder that cannot be written only costs the next run three seconds."""
    place = folder(name)
    if place is None:
        return
    try:
        content = readable({"format": FORMAT, "key": key, "sum": digest(plain["evidence"]), **plain})
        files.write(str(place / f"{key}.json"), content)
    except Unable:  # NoSpace is one
        return
