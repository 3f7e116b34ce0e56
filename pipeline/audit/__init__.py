"""`prep audit`: what a source holds, in bytes and in tokens, and whether a claimed figure can be true."""
