"""Weights of a level by way: in proportion to tokens, by temperature, or even (UniMax, whose caps do the rest)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

from prep.pipeline.mixing.ask import PROPORTIONAL, TEMPERATURE, UNIMAX

DIGITS = Context(prec=50)  # decimals' ln and exp are rounded correctly, so that every machine finds the same weights


def weights(way: str, tokens: Sequence[int]) -> list[Fraction]:
    """The weight of each name that holds so many tokens; of none without tokens."""
    if way == PROPORTIONAL:
        return [Fraction(number) for number in tokens]
    if way == UNIMAX:
        return [Fraction(1 if number else 0) for number in tokens]
    return _tempered(Fraction(way.removeprefix(TEMPERATURE).strip()), tokens)


def _tempered(degree: Fraction, tokens: Sequence[int]) -> list[Fraction]:
    """n^(1/T), of the largest: multilingual models lift small languages so (mBERT, XLM-R, mT5)."""
    if degree == 1:
        return [Fraction(number) for number in tokens]
    most = DIGITS.ln(Decimal(max(tokens, default=1) or 1))
    power = DIGITS.divide(Decimal(degree.denominator), Decimal(degree.numerator))

    def lifted(number: int) -> Fraction:
        below = DIGITS.subtract(DIGITS.ln(Decimal(number)), most)
        return Fraction(DIGITS.exp(DIGITS.multiply(below, power)))

    return [lifted(number) if number else Fraction(0) for number in tokens]
