"""A tokenizer by its name on the Hugging Face hub: `org/name` or `hf:org/name@revision`.

Only a tokenizer's files are fetched, never code, and all of one commit. Without a network, and with HF_HUB_OFFLINE=1,
the cache answers. A process asks once per name. HF_TOKEN is read by huggingface_hub; no message quotes what the hub
answered, so that nothing of it can land in one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from prep.errors import BadTokenizer

TIMEOUT = 20.0  # seconds until an answer about a repository
COMMIT = re.compile(r"[0-9a-f]{40}")
FILES = re.compile(r"\.(json|model|tiktoken|txt|bin)$")  # such a path is a file that is missing here, no repository
NAME = re.compile(
    r"(?:(?P<marked>hf:)(?P<any>[a-z0-9][\w.-]*(?:/[a-z0-9][\w.-]*)?)|(?P<both>[a-z0-9][\w.-]*/[a-z0-9][\w.-]*))"
    r"(?:@(?P<revision>[\w./-]+))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Name:
    """A repository, and the branch, tag or commit of it."""

    repository: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"hf:{self.repository}@{self.revision}"


Choices = tuple[tuple[str, ...], ...]  # the names of files that make a tokenizer together, best first


def named(path: str) -> Name | None:
    """The name that a path spells, if it is one."""
    found = NAME.fullmatch(path)
    if found is None or (FILES.search(path) and not found["marked"]):
        return None
    return Name(found["any"] or found["both"], found["revision"] or "main")


@cache
def fetch(name: Name, choices: Choices, largest: int) -> tuple[Name, Path]:
    """The name at its commit, and the first file of the best choice that is there; the others lie beside it."""
    from huggingface_hub import HfApi, errors  # 0.4 s

    try:
        info = HfApi().model_info(name.repository, revision=name.revision, files_metadata=True, timeout=TIMEOUT)
    except errors.GatedRepoError as error:
        raise BadTokenizer(f"{name}: gated; accept its terms on its page, and set HF_TOKEN to your token") from error
    except errors.RepositoryNotFoundError as error:
        raise BadTokenizer(
            f"{name}: neither a path here nor a repository that the hub shows you; check the name, "
            "or set HF_TOKEN if it is private"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise BadTokenizer(f"{name}: the repository has no such revision; give a branch, a tag or a commit") from error
    except errors.HFValidationError as error:
        raise BadTokenizer(f"{name}: neither a path here nor a name that the hub allows; check it") from error
    except (OSError, errors.HTTPError) as error:  # type: ignore[attr-defined] # httpx's, or httpx2's since 2.0
        return _cached(name, choices, error)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    pinned = Name(name.repository, str(info.sha))
    file = _download(name, _chosen(pinned, choices, sizes, largest))
    if file.parent.name != pinned.revision:
        raise BadTokenizer(f"{name}: changed while it was fetched, from commit {pinned.revision}; try again")
    return pinned, file


def _chosen(name: Name, choices: Choices, sizes: dict[str, int], largest: int) -> tuple[str, ...]:
    chosen = next((files for files in choices if set(files) <= sizes.keys()), None)
    if chosen is None:
        wanted = ", ".join(" with ".join(files) for files in choices)
        raise BadTokenizer(f"{name}: no tokenizer among its {len(sizes)} files; it needs one of {wanted}")
    if size := max((sizes[file] for file in chosen if sizes[file] > largest), default=0):
        raise BadTokenizer(f"{name}: {' with '.join(chosen)} has {size:,} bytes, which is no tokenizer; check the name")
    return chosen


def _download(name: Name, files: Sequence[str]) -> Path:
    from huggingface_hub import errors, hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars("huggingface_hub.http_get")
    try:
        # By the branch's name, so that the cache learns which commit it is.
        paths = [Path(hf_hub_download(name.repository, file, revision=name.revision)) for file in files]
    except errors.GatedRepoError as error:
        raise BadTokenizer(f"{name}: gated; accept its terms on its page, and set HF_TOKEN to your token") from error
    except (OSError, errors.HTTPError) as error:  # type: ignore[attr-defined] # httpx's, or httpx2's since 2.0
        raise BadTokenizer(
            f"{name}: {' with '.join(files)} cannot be fetched ({type(error).__name__}); try again, or download them"
        ) from error
    return paths[0]


def _cached(name: Name, choices: Choices, error: Exception) -> tuple[Name, Path]:
    """What an earlier run fetched, when the hub does not answer; of a branch, its commit of that time."""
    from huggingface_hub import try_to_load_from_cache

    for files in choices:
        found = [try_to_load_from_cache(name.repository, file, revision=name.revision) for file in files]
        paths = [Path(path) for path in found if isinstance(path, str)]
        if len(paths) == len(files):
            return Name(name.repository, paths[0].parent.name), paths[0]
    raise BadTokenizer(
        f"{name}: no path here, not in the hub's cache, and the hub does not answer ({type(error).__name__}); "
        "check the path, or connect, or download the tokenizer's files and give their folder"
    ) from error
