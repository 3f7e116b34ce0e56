"""`prep look`: it reads its flags and calls one function. Only click at the top: `prep --help` must be quick."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("config", type=click.Path())
@click.option("--left-out", metavar="REASON", help="quality, rules, language, duplicate, budget ..., or a rule's name.")
@click.option("--kept", is_flag=True, help="What is in the corpus.")
@click.option("--source", metavar="NAME", help="Of one source.")
@click.option("--language", metavar="LANG", help="Of one language.")
@click.option("--near-threshold", is_flag=True, help="Those whose score is nearest to what their draw asks of it.")
@click.option("--deciles", is_flag=True, help="Five (or -n) of each tenth of the scores of a language.")
@click.option(
    "--if", "changes", multiple=True, metavar="KEY=VALUE",
    help="Those whose fate another setting would change, such as keep.ja.share=40%. May be repeated.",
)  # fmt: skip
@click.option("--number", "-n", type=click.IntRange(1), help="Documents to show.  [default: 50]")
@click.option("--chars", type=click.IntRange(0), default=1000, show_default=True, help="Of each text; 0: all of it.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw of what is shown.")
@click.option("--html", metavar="FILE", type=click.Path(dir_okay=False), help="Write a page instead.")
@click.option("--jsonl", is_flag=True, help="A JSON object for each document instead.")
@click.option("--memory", default="1GB", show_default=True, help="For judging all documents at once, as `size` does.")
@click.option("--scratch", type=click.Path(file_okay=False), help="Folder for what does not fit in memory.")
def look(config: str, **flags: Any) -> None:
    """Read documents of CONFIG, a run file or output folder, with their score, figures and fate.

    Which ones are shown is drawn by a hash of their ids: the same ones every time, and not the first of a file.

    \b
      prep look run.yaml --left-out quality --source web_ja --near-threshold
      prep look run.yaml --kept --language ja -n 20
      prep look run.yaml --deciles --html scores.html
      prep look run.yaml --if keep.ja.threshold=0.4 --if mix.max_epochs=2
    """
    from prep.pipeline.look import output

    output.run(config, flags)
