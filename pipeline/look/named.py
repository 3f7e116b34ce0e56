"""Reasons by their names: those of every run, and the single rules of each language, which have bits of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prep.errors import BadInput
from prep.pipeline.findings import nearest
from prep.pipeline.look.fates import asked_terms
from prep.pipeline.look.finished import Finished
from prep.pipeline.reasons import FIRST_RULE, Reason

REASONS = {str(reason.name).lower(): int(reason) for reason in Reason}
EVERY = ""  # instead of a language: all of them

Masks = Mapping[str, int]  # by language, or of every one, the bits that are meant


@dataclass(frozen=True)
class Names:
    """What the bits mean; those of rules are by language."""

    rules: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, finished: Finished) -> Names:
        """Of the rules that a run is judged by."""
        found = asked_terms(finished).rules
        return cls({
            language: {rule.name: 1 << (FIRST_RULE + number) for number, rule in enumerate(rules)}
            for language, rules in found.items()
        })  # fmt: skip

    def told(self, bits: int, language: str) -> list[str]:
        """Every reason in some bits of a document of a language, in the order of the books."""
        there = {**REASONS, **self.rules.get(language, {})}
        return [name for name, bit in there.items() if bits & bit]

    def masks(self, word: str) -> Masks:
        """The bits of a reason that a person named; a rule may go without the name of its profile.

        Errors: BadInput, with the nearest name.
        """
        said = word.strip().lower().replace("-", "_").replace(" ", "_")
        if said in REASONS:
            return {EVERY: REASONS[said]}
        every = tuple(dict.fromkeys(name for rules in self.rules.values() for name in rules))
        meant = [name for name in every if said in (name.lower(), name.lower().rpartition(".")[2])]
        if not meant:
            near = nearest(said, (*REASONS, *every), "there are")
            raise BadInput(f"--left-out {word}: no such reason in this run; {near}")
        bits = {language: sum(rules[name] for name in meant if name in rules) for language, rules in self.rules.items()}
        return {language: mask for language, mask in bits.items() if mask}
