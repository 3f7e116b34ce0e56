"""What a model's scores say of worth: `python -m benchmarks.labelled CORPUS LANGUAGE MODEL.bin`.

`labels/LANGUAGE.csv` names 100 web documents of the development corpus, drawn evenly over the ranks of score and
shuffled, each judged by a reader who saw neither score nor source: worth training on or not, and why. A file and the
number of its record stand for the text. Printed are the AUC of the score on these judgements, and how much of what was
judged good would stay if the best-scoring share of the documents were kept, or what Pareto by rank keeps (`auto`).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from prep.filters import linear, pareto
from prep.pipeline.sources.listing import pieces
from prep.pipeline.sources.piece import Fields, Where
from prep.pipeline.sources.reading import Reading
from prep.pipeline.training.measure import auc

LABELS = Path(__file__).parent / "labels"
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9)
ALPHAS = (0.25, 0.5, 1, 2, 3, 9)


def main() -> None:
    corpus, language, model = sys.argv[1:]
    with (LABELS / f"{language}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    texts: dict[str, list[str]] = {}
    for name in {row["file"] for row in rows}:
        [piece] = pieces(Where(name, (str(Path(corpus, name)),)), Path.cwd())
        texts[name] = [
            text for batch in Reading(piece, Fields()) for text in batch["text"].drop_null().to_pylist() if text.strip()
        ]
    asked = [texts[row["file"]][int(row["record"]) - 1] for row in rows]
    scores = linear.log_odds(linear.load(Path(model), language), pa.array(asked, pa.large_string()))[0]
    worth = np.array([row["worth"] == "1" for row in rows])
    print(f"{language}: {worth.sum()} of {len(worth)} judged good, AUC {auc(scores[worth], scores[~worth]):.3f}")
    order = np.argsort(-scores, kind="stable")
    for share in SHARES:
        kept = worth[order[: int(share * len(order))]].sum() / worth.sum()
        print(f"  the best-scoring {share:.0%} hold {kept:.0%} of the good")
    rank = np.empty(len(order))
    rank[order[::-1]] = np.arange(len(order)) / len(order)
    for alpha in ALPHAS:
        chance = pareto.keep_probability(rank, alpha)
        good, bad = chance[worth].mean(), chance[~worth].mean()
        print(f"  pareto {alpha:g} by rank keeps {chance.mean():.0%}: {good:.0%} of the good, {bad:.0%} of the rest, "
              f"{pareto.expected_floor(alpha) / chance.mean():.0%} of it at any score")  # fmt: skip


if __name__ == "__main__":
    main()
