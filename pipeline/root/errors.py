"""The error tree. Each error says what is wrong, where, with which value, and what to do next.

PrepError
├── BadInput (exit 2: what the user gave is wrong)
│   ├── BadSettings     the run file, or a flag
│   ├── BadSource       a source: no file, wrong field, truncated archive, changed while reading, too many rejects
│   ├── BadTokenizer    a tokenizer file
│   ├── BadModel        a quality model file, or too little text to train one
│   └── Short           the sources cannot feed the mix that is asked
├── FailedCheck (exit 1: the work failed its own check)
│   ├── Unbalanced      books that do not balance
│   └── BrokenShard     a shard or manifest that is not what was written
└── Unable (exit 1: the machine or another process is in the way)
    ├── Busy            another run holds the output folder
    ├── NoSpace         the disk cannot hold the run
    └── WorkerLost      a worker process died
"""


class PrepError(Exception):
    """Anything that `prep` ends with on purpose; its text is all a user sees."""

    exit_code = 1


class BadInput(PrepError):
    """What the user gave is wrong."""

    exit_code = 2


class BadSettings(BadInput):
    """The run file or a flag is wrong."""


class BadSource(BadInput):
    """A source cannot be read as the run file says."""


class BadTokenizer(BadInput):
    """A tokenizer file cannot be used."""


class BadModel(BadInput):
    """A quality model cannot be used or trained."""


class Short(BadInput):
    """The sources cannot feed the mix that is asked."""


class FailedCheck(PrepError):
    """The work failed its own check."""


class Unbalanced(FailedCheck):
    """Documents, bytes or tokens went in that did not come out."""


class BrokenShard(FailedCheck):
    """A shard or a manifest is not what was written."""


class Unable(PrepError):
    """The machine or another process is in the way."""


class Busy(Unable):
    """Another run holds the output folder."""


class NoSpace(Unable):
    """The disk cannot hold the run."""


class WorkerLost(Unable):
    """A worker process died."""
