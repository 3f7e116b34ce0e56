"""What each word adds sums to the score that fastText itself gives."""

import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.filters import quality, telling
from prep.filters.modelfile import GOOD

WORDS = {
    "good": ["辞書", "言語", "the", "encyclopaedia", "of", "été", "history"],
    "rest": ["buy", "now", "lol", "草", "cliquez", "the"],
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    chance = random.Random(3)
    good, rest = ([" ".join(chance.choices(words, k=12)) for _ in range(60)] for words in WORDS.values())
    target = tmp_path_factory.mktemp("telling") / "model.bin"
    quality.train(good, rest, 1, target)
    return str(target)


@pytest.fixture(scope="module")
def model(path: str) -> telling.Model:
    return telling.Model(path)


def fasttext_score(path: str, line: str) -> float:
    import fasttext

    labels, chances = fasttext.FastText._FastText(model_path=path).predict([line], k=2)
    return float(chances[0][labels[0].index(GOOD)])


EVERY = [*WORDS["good"], *WORDS["rest"], "unknown", "語", "𠮷"]


@given(tokens=st.lists(st.sampled_from(EVERY), min_size=1, max_size=40))
def test_the_parts_sum_to_the_log_odds_of_the_score(path: str, model: telling.Model, tokens: list[str]) -> None:
    line = " ".join(tokens)
    total = sum(each.adds for each in model.features(line))
    assert 1 / (1 + math.exp(-total)) == pytest.approx(fasttext_score(path, line), abs=2e-5)


def test_the_features_that_move_most_come_first_and_by_their_side(model: telling.Model) -> None:
    found = model.features("辞書 言語 言語 buy now")
    assert [abs(each.adds) for each in found] == sorted((abs(each.adds) for each in found), reverse=True)
    parts = {each.name: each for each in found}
    assert parts["言語"].times == 2
    assert parts["言語"].adds > 0 > parts["buy"].adds
    assert "言語 言語" in parts


def test_an_empty_line_has_no_feature(model: telling.Model) -> None:
    assert model.features("") == []


def test_a_path_of_any_name_is_read(path: str, tmp_path: Path) -> None:
    other = tmp_path / "模型 1.bin"
    other.write_bytes(Path(path).read_bytes())
    assert telling.Model(str(other)).features("辞書")
