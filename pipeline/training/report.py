"""The report that `prep train` leaves beside each model: figures as JSON, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from prep.manifests import files
from prep.manifests.record import readable
from prep.pipeline import train
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Result
from prep.pipeline.training import card
from prep.pipeline.training.figures import figures
from prep.pipeline.training.page import page

FIGURES, PAGE = "calibration.json", "calibration.html"


def leave(run: Run, results: Mapping[str, Result], spread: Spread) -> None:
    """Make the reports that are not there yet. The sample is drawn again: no result keeps its text."""
    for title, languages in train.models(run, results["ingest"]).items():
        folder = results[f"train.{title}"].folder
        if files.exists(files.join(folder, FIGURES)) and files.exists(files.join(folder, PAGE)):
            continue
        stage = train.stage_of(run, title, languages, results["ingest"])
        paths = [path for _, path in train.shards_of(stage.asked, results["ingest"])]
        table = stage.drawn(paths, spread)
        model = Path(folder, f"{train.MODEL}-{title}.bin")
        described = card.read(Path(card.beside(str(model))))
        found = figures(model, described, table, stage.asked, stage.scratch)
        files.write(files.join(folder, FIGURES), readable(found))
        files.write(files.join(folder, PAGE), page(f"Quality classifier: {title}", described.model, found).encode())


def tables(results: Mapping[str, Result]) -> Iterator[Table | str]:
    """What `prep train` prints: areas on held-out documents and on unseen sources, and where the pages are."""
    trained = {name: result for name, result in results.items() if name.startswith("train.")}
    for result in trained.values():
        path = files.join(result.folder, FIGURES)
        if not files.exists(path):
            continue
        for language, found in json.loads(files.read(path)).items():
            yield _table(language, found)
        yield f"report: {files.join(result.folder, PAGE)}"


def _table(language: str, found: Mapping[str, Any]) -> Table:
    table = Table(title=f"Quality classifier, {language}", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("measured on")
    for column in ("documents", "ROC AUC", "average precision"):
        table.add_column(column, justify="right")
    held = found["held_out"]
    table.add_row("held-out documents", f"{held['good'] + held['rest']:,}", *_areas(held))
    for row in found["unseen"]:
        table.add_row(f"{row['source']}, unseen", f"{row['documents']:,}", *_areas(row))
    for row in found["kept"]:
        table.add_row(
            f"kept by pareto {row['alpha']:g}", f"{row['by_score']:.2%}",
            f"{row['floor']:.0%} of it at any score", f"by quantile {row['by_quantile']:.2%}",
        )  # fmt: skip
    return table


def _areas(row: Mapping[str, Any]) -> tuple[str, str]:
    first, second = ("–" if row[name] is None else f"{row[name]:.4f}" for name in ("auc", "average_precision"))
    return first, second
