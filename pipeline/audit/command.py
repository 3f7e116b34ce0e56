"""`prep audit`: it reads its flags, calls one function, prints. Only click at the top: `prep --help` must be quick."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--tokenizer", "-t", "tokenizers", multiple=True, metavar="[NAME=]PATH[:PATTERN]",
    help="A tokenizer's file or folder; .tiktoken ranks need the pattern's name. May be repeated.",
)  # fmt: skip
@click.option("--language", multiple=True, metavar="[NAME=]LANG", help="Of all sources, or of one.  [default: guessed]")
@click.option("--kind", multiple=True, metavar="[NAME=]KIND", help="Of all sources, or of one: web, books, code ...")
@click.option(
    "--format", type=click.Choice(["jsonl", "parquet", "arrow", "csv", "text", "warc"]), help="[default: by ending]"
)
@click.option("--encoding", help="Of files that are not UTF-8: shift_jis, euc_jp, cp1252 ...")
@click.option("--field", "fields", multiple=True, metavar="text=FIELD", help="Where records keep their text (or id).")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Files to leave out: 'broken-*.gz'. May be repeated.")
@click.option("--exact", is_flag=True, help="Read and count everything.")
@click.option("--precision", default="0.5%", show_default=True, help="Half-width of the 95% interval to count up to.")
@click.option("--max-read", metavar="SIZE", help="Read at most so much of the files: 6GB.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw.")
@click.option(
    "--claim", "claims", multiple=True, help='Judge "750GB = 500B tokens"; a name, language, gzip may be said.'
)
@click.option("--claims", "claims_files", multiple=True, metavar="FILE", help="A CSV of claims, or a data card (.md).")
@click.option("--strict", is_flag=True, help="Exit with 1 where a claim is wrong.")
@click.option("--plot", metavar="FILE", help="Draw the ratios: .svg, .png or .html.")
@click.option("--out", metavar="FOLDER", help="Leave the figures as an Arrow shard with its manifest.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON (see docs/audit.md).")
@click.option("--workers", "-j", type=click.IntRange(1), help="Processes.  [default: one per core]")
def audit(**flags: Any) -> None:
    """What PATHS hold in bytes, documents and tokens, and whether that, or a CLAIM, can be true.

    PATHS are files, folders, patterns or urls, a name before any of them (wiki=data/wiki/*.gz), or a run file, whose
    sources and tokenizers are taken. In a folder of folders each folder is a source. A sample is drawn over all files
    until each ratio is known to --precision.

    \b
      prep audit data/ -t tokenizer.json                         bytes per token of every source
      prep audit run.yaml                                        sources and tokenizers of a run file
      prep audit ja=ja/*.jsonl.zst --language ja -t a=A -t b=B   two tokenizers compared
      prep audit s3://bucket/web -t tokenizer.json --max-read 6GB
      prep audit data/ -t ranks.tiktoken:o200k_base --exact --json
      prep audit --claim "GPT-3: 500B tokens = 750GB"            can that be right?
      prep audit --claims claims.csv --claims corpus/README.md --strict
    """
    from prep.pipeline.audit import output

    output.run(flags)
