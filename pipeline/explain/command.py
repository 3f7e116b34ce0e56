"""`prep explain`: it reads its flags and calls one function. Only click at the top: `prep --help` must be quick."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("config", type=click.Path())
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--url", metavar="URL", help="By its address.")
@click.option("--text", metavar="SENTENCE", help="By a sentence that it holds; every text is looked through.")
@click.option("--row", metavar="FILE:N", help="By a source file and the number of its record, from 1.")
@click.option("--chars", type=click.IntRange(0), default=300, show_default=True, help="Of its text; 0: all of it.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--memory", default="1GB", show_default=True, help="For judging all documents, where `size` has not yet.")
@click.option("--scratch", type=click.Path(file_okay=False), help="Folder for what does not fit in memory.")
def explain(config: str, id_: str | None, **flags: Any) -> None:
    """Tell one document's way through CONFIG, a run file or output folder.

    Its figures, draws and thresholds, every reason against it, what moved its score, who stands for its duplicates,
    what its cell was asked for and got, and its files and rows in the corpus. Records that were skipped or rejected
    are told with their reason. Exit code 1: the run has never seen it.

    \b
      prep explain run.yaml web_en/a.jsonl.gz#17
      prep explain run.yaml --url https://example.org/page
      prep explain run.yaml --text "It was the best of times"
      prep explain run.yaml --row wiki_ja/b.parquet:1200 --json
    """
    from prep.pipeline.explain import output

    output.run(config, id_, flags)
