"""What one question comes to: documents, records that became none, or nothing, and what is nearest to it then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

from prep.errors import BadSettings
from prep.pipeline.chain import Machine
from prep.pipeline.explain import aside, scan
from prep.pipeline.explain.about import Explained, explained
from prep.pipeline.explain.aside import Aside
from prep.pipeline.explain.record import parsed, record
from prep.pipeline.look.fates import fates
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.rows import Place

FULL = 5  # documents that are explained in full where a question finds several


@dataclass(frozen=True)
class Question:
    """One of four ways to name a document, and how much of its text is shown."""

    id: str | None = None
    url: str | None = None
    text: str | None = None
    row: str | None = None
    chars: int = 300

    @property
    def words(self) -> str:
        """As the command has it."""
        return self.id or next(f"--{name} {value}" for name in ("url", "text", "row") if (value := getattr(self, name)))


@dataclass(frozen=True)
class Answer:
    """`documents` that were found, the first of them explained; `more` of which only the number is known.

    `nearest` are ids like the one that no document and no record has.
    """

    question: str
    found: int
    documents: tuple[Explained, ...]
    asides: tuple[Aside, ...]
    nearest: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def seen(self) -> bool:
        """Whether anything of the run answers to the question."""
        return bool(self.found or self.asides)


@dataclass(frozen=True)
class _Found:
    places: Sequence[Place] = ()
    asides: Sequence[Aside] = ()
    nearest: Sequence[str] = ()
    notes: tuple[str, ...] = ()


def answer(finished: Finished, question: Question, machine: Machine) -> Answer:
    """Answer from the finished results of the last run.

    Errors: BadSettings, BadInput.
    """
    found = _ways(question)(finished)
    with ExitStack() as stack:
        scratch = stack.enter_context(TemporaryDirectory(dir=machine.scratch, ignore_cleanup_errors=True))
        fate = fates(finished, replace(machine, scratch=scratch).limits, stack) if found.places else None
        documents = tuple(
            explained(finished, fate, place, question.chars) for place in found.places[:FULL] if fate is not None
        )
    missing = tuple(f"no {name} yet; it comes with: {command}" for name, command in finished.missing.items())
    return Answer(
        question.words,
        len(found.places),
        documents,
        tuple(found.asides),
        tuple(found.nearest),
        (*found.notes, *missing),
    )


def _ways(question: Question) -> Callable[[Finished], _Found]:
    given = [name for name in ("id", "url", "text", "row") if getattr(question, name)]
    if len(given) != 1:
        said = "nothing is named" if not given else f"{' and '.join(given)} are named"
        raise BadSettings(f"explain: {said}; give one of ID, --url, --text, --row")
    ways = {"id": _by_id, "url": _by_url, "text": _by_text, "row": _by_row}
    return lambda finished: ways[given[0]](finished, getattr(question, given[0]))


def _by_id(finished: Finished, id_: str) -> _Found:
    places = scan.by_id(finished, id_)
    if places:
        return _Found(places)
    asides = aside.at(finished, id_) or aside.holding(finished, id_, whole=True)
    return _Found((), asides, () if asides else scan.near_ids(finished, id_))


def _by_url(finished: Finished, url: str) -> _Found:
    places = scan.by_url(finished, url)
    asides = () if places else aside.holding(finished, url, whole=True)
    given = any(source.url is not None for source in finished.run.sources.values())
    note = "no source names a `url` field, so that documents have none; try --text" if not given else ""
    return _Found(places, asides, (), (note,) if note and not places and not asides else ())


def _by_text(finished: Finished, sentence: str) -> _Found:
    return _Found(scan.by_text(finished, sentence), aside.holding(finished, sentence, whole=False))


def _by_row(finished: Finished, row: str) -> _Found:
    """By the place that its id or a record put aside tells; else the file is read up to that record."""
    file, number = parsed(row)
    for source in finished.run.sources:
        place = f"{file if file.startswith(f'{source}/') else f'{source}/{file}'}#{number}"
        if there := scan.by_id(finished, place):
            return _Found(there)
        if asides := aside.at(finished, place):
            return _Found((), asides)
    read = record(finished, file, number)
    if read.put_aside is not None:
        return _Found((), [read.put_aside])
    places = scan.by_id(finished, str(read.id))
    note = f"{file} holds it as record {number:,} now, with the id {read.id}, and no document of the run has that id"
    return _Found(places, (), (), () if places else (f"{note}: the file is newer than the run",))
