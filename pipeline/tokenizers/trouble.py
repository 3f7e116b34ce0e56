"""What comes out of a tokenizer's library beside its errors, told in ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from prep.errors import BadTokenizer, BrokenShard

PANIC = "PanicException"  # what Rust's panics are in Python: a BaseException of pyo3_runtime, which none can import


@contextmanager
def panics_told(what: str, remedy: str) -> Iterator[None]:
    """A panic inside is a BadTokenizer of `what`; anything else goes on as it is."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise BadTokenizer(f"{what}: the library breaks down ({error}); {remedy}") from error


@contextmanager
def sound_texts(texts: pa.StringArray | pa.LargeStringArray) -> Iterator[None]:
    """Bytes in an Arrow buffer that are not UTF-8 are a shard's fault, by row; Arrow itself looks only when asked."""
    try:
        yield
    except UnicodeDecodeError as error:
        row = next(row for row in range(len(texts)) if not _is_utf8(texts[row].as_buffer()))
        raise BrokenShard(
            f"row {row} of {len(texts)} is not UTF-8 ({error}); ingest writes none such: run it again"
        ) from error


def _is_utf8(buffer: pa.Buffer) -> bool:
    try:
        buffer.to_pybytes().decode()
    except UnicodeDecodeError:
        return False
    return True
