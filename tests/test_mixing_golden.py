"""Mixtures of known models, as printed: their epochs, and what is wrong with them."""

import pytest

from prep.pipeline.mixing.allot import allot
from prep.pipeline.mixing.answer import Answer, Supply, answer
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.screen import remarks
from prep.pipeline.mixing.tree import Cell
from tests.test_mixing_divisor import CROISSANT

B = 10**9
GLAM = {"web": (143, 42), "wikipedia": (3, 6), "conversations": (174, 28), "forums": (247, 2), "books": (390, 20),
        "news": (650, 2)}  # fmt: skip
GPT3 = {"cc": (410, 60, 0.44), "webtext2": (19, 22, 2.9), "books1": (12, 8, 1.9), "books2": (55, 8, 0.43),
        "wikipedia": (3, 3, 3.4)}  # fmt: skip


def supplies(tokens: dict[str, int], language: str | None = "en") -> list[Supply]:
    """A cell for each name; without a language, each name is one."""
    return [
        Supply(Cell((name, language or name, "web"), 1000, number), number, 4 * number)
        for name, number in tokens.items()
    ]


def table(mix: dict[str, object], total: int, there: list[Supply]) -> Answer:
    return answer(Mix.model_validate(mix), total, there, params=1e9)


def epochs(found: Answer) -> dict[str, float]:
    return {line.source: line.epochs for line in found.cells}


def test_glam_sees_wikipedia_twelve_times_which_four_epochs_do_not_allow() -> None:
    there = supplies({name: row[0] * B for name, row in GLAM.items()})
    mix = {"shares": {"en": "100%"}, "within": {"en": {name: f"{row[1]}%" for name, row in GLAM.items()}}}
    found = table(mix | {"max_epochs": 4}, 600 * B, there)
    printed = {"web": 1.76, "wikipedia": 12.0, "conversations": 0.97, "forums": 0.05, "books": 0.31, "news": 0.018}
    assert epochs(found) == pytest.approx(printed, rel=0.03)
    assert found.problem is not None
    assert "wikipedia/en/web: asked 36B, 3B are left after filters = 12.00 epochs; 6B more to collect" in found.problem
    assert table(mix | {"max_epochs": 12}, 600 * B, there).problem is None
    assert any("wikipedia" in line and "12.0 epochs" in line for line in remarks(found))


def test_croissant_sees_french_four_and_parallel_text_six_times() -> None:
    steps = 190_000 * 7680 * 2048
    unique = {"fr": 303 * B, "en": 660 * B, "aligned": 36 * B, "code": 140 * B}
    cells = [Supply(Cell((name, "fr" if name == "aligned" else name, name), 1, tokens), tokens, tokens)
             for name, tokens in unique.items()]  # fmt: skip
    weights = {name: f"{number} parts" for name, number in CROISSANT.items()}
    found = table({"shares": weights, "groups": {"aligned": ["aligned"]}, "max_epochs": 7}, steps, cells)
    assert {name: round(each, 2) for name, each in epochs(found).items()} == {
        "fr": 4.09, "en": 1.88, "aligned": 6.08, "code": 2.06,
    }  # fmt: skip
    shares = {name: number / 10_001 for name, number in CROISSANT.items()}
    assert {line.group: line.asked_share for line in found.groups} == pytest.approx(shares, rel=1e-9)
    assert found.tokens == steps


def test_temperature_lifts_the_small() -> None:
    cells = [Cell((name, name, "web"), 1, number * B) for name, number in (("aa", 1000), ("bb", 100), ("cc", 1))]
    mix = Mix.model_validate({"shares": {"temperature": 3.33}, "max_epochs": 100})
    found = allot(mix, 10**12, cells).tokens
    shares = [found[cell.place] / 10**12 for cell in cells]
    assert [round(100 * share, 1) for share in shares] == [61.5, 30.8, 7.7]
    assert [found[cell.place] / cell.tokens for cell in cells] == pytest.approx([0.61, 3.08, 77.2], rel=0.01)


def test_gpt3_printed_epochs_that_its_weights_do_not_make() -> None:
    there = supplies({name: row[0] * B for name, row in GPT3.items()})
    level = {name: {"weight": row[1], "epochs": row[2]} for name, row in GPT3.items()}  # the weights sum to 101
    found = table({"shares": {"en": 1}, "within": {"en": level}, "max_epochs": 4}, 300 * B, there)
    wrong = {each.name: each.implied_epochs for each in found.printed if not each.agree}
    assert wrong == pytest.approx({"en/webtext2": 3.474 / 1.01, "en/wikipedia": 3.0 / 1.01}, rel=0.001)
    said = [line for line in remarks(found) if "are printed" in line]
    assert [line.split(":")[0] for line in said] == ["! en/webtext2", "! en/wikipedia"]


@pytest.mark.parametrize("cap", [1, 2, 10])
def test_unimax_fills_the_small_to_their_epochs_and_the_rest_evenly(cap: int) -> None:
    """Algorithm 1 of Chung et al. 2023, arXiv:2304.09151, in fractions; ours is within a token of it."""
    sizes, budget = [1000, 7, 400, 90, 12_345], 9000
    left, expected = budget, dict.fromkeys(sizes, 0.0)
    for place, size in enumerate(sorted(sizes)):
        expected[size] = min(left / (len(sizes) - place), size * cap)
        left -= expected[size]  # type: ignore[assignment]
    cells = [Cell((f"s{size}", f"l{chr(97 + place)}", "web"), 1, size) for place, size in enumerate(sizes)]
    found = allot(Mix.model_validate({"shares": "unimax", "max_epochs": cap}), budget, cells).tokens
    assert all(abs(found[cell.place] - expected[cell.tokens]) < 1 for cell in cells)


@pytest.mark.parametrize(
    ("preset", "pair", "shares"),
    [
        ("equal", ("en", "fr"), {"en": 0.4, "fr": 0.4, "code": 0.2}),
        ("frplus", ("en", "fr"), {"en": 0.2, "fr": 0.6, "code": 0.2}),
        ("enplus", ("en", "fr"), {"en": 0.6, "fr": 0.2, "code": 0.2}),
        ("japlus", ("ja", "en"), {"ja": 0.6, "en": 0.2, "code": 0.2}),
    ],
)
def test_presets_are_those_of_croissant(preset: str, pair: tuple[str, str], shares: dict[str, float]) -> None:
    cells = [Cell((name, name, "web"), 1, 10**6) for name in shares]
    found = allot(Mix(preset=preset, pair=pair), 10**6, cells)
    assert {place[1]: tokens / 10**6 for place, tokens in found.tokens.items()} == shares
