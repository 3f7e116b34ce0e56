"""`python -m prep` is `prep`."""

from prep.pipeline.cli import main

main()
