"""What the comparison of engines found, as a table and as a picture."""

from __future__ import annotations

from typing import Any

from rich.table import Table

HEADS = ("tokenizer", "text", "subject", "cold", "unseen", "by tokenizers", "by reference", "two cores", "MB",
         "s to open", "equal")  # fmt: skip


def table(rows: list[dict[str, Any]]) -> Table:
    """A line for each subject."""
    shown = Table(title="MB of text per CPU second; two cores: MB per second of wall time", title_justify="left")
    for head in HEADS:
        shown.add_column(head, justify="left" if head in ("tokenizer", "text", "subject") else "right")
    for row in rows:
        ratios = [f"{row[key]:.1f}x" if row[key] else "" for key in ("by_tokenizers", "by_reference")]
        two = f"{row['two']:.1f}" if row["two"] else ""
        shown.add_row(
            row["tokenizer"], row["text"], row["subject"], f"{row['cold']:.1f}", f"{row['unseen']:.1f}", *ratios, two,
            f"{row['peak'] / 1e6:.0f}", f"{row['opened']:.2f}", "yes" if row["equal"] else "NO",
        )  # fmt: skip
    return shown


def draw(rows: list[dict[str, Any]], path: str) -> None:
    """Bars on a logarithmic axis: a panel for each tokenizer, a group for each kind of text."""
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["tokenizer"] for row in rows))
    figure, panels = pyplot.subplots(len(names), 1, figsize=(9, 2.6 * len(names)), squeeze=False, layout="constrained")
    subjects = list(dict.fromkeys(row["subject"] for row in rows))
    for name, panel in zip(names, panels[:, 0], strict=True):
        texts = list(dict.fromkeys(row["text"] for row in rows if row["tokenizer"] == name))
        here = [
            subject
            for subject in subjects
            if any((row["tokenizer"], row["subject"]) == (name, subject) for row in rows)
        ]
        for number, subject in enumerate(here):
            found = {
                row["text"]: row["unseen"] for row in rows if (row["tokenizer"], row["subject"]) == (name, subject)
            }
            places = [place + (number - len(here) / 2) * 0.8 / len(here) for place in range(len(texts))]
            color = f"C{subjects.index(subject)}"
            heights = [found.get(text, 0) for text in texts]
            bars = panel.bar(places, heights, 0.8 / len(here), align="edge", label=subject, color=color)
            panel.bar_label(bars, fmt="%.0f", fontsize=7)
        panel.set(yscale="log", title=name, ylabel="MB per CPU second")
        panel.set_xticks(range(len(texts)), texts)
        panel.margins(y=0.15)
        panel.legend(fontsize=7, ncols=len(here), loc="upper right", bbox_to_anchor=(1, 1.2))
    figure.savefig(path, dpi=130)
