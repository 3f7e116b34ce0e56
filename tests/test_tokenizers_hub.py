"""Tokenizers by their name on the hub: a small server on this machine answers as the hub does, or nobody does."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import digest_of, hub
from prep.pipeline.tokenizers.files import CHOICES, LARGEST, find
from tests.test_tokenizers import write_json, write_model, write_pair

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_aSecretThatNobodyShouldSee"
NOBODY = "http://127.0.0.1:9"  # where none listens
ASK = """
import json, sys
from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import digest_of
from prep.pipeline.tokenizers.files import find
for name in sys.argv[1:]:
    try:
        print(json.dumps([find(name).path, digest_of(name)]))
    except BadTokenizer as error:
        print(json.dumps(["BadTokenizer", str(error)]))
"""


class Hub(ThreadingHTTPServer):
    """Answers the two questions that huggingface_hub asks: what is in a repository, and one file of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""

    def _answer(self, body: bool) -> None:
        self.server.asked.append(self.path)
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._repository("/".join(parts[2:4]), parts[-1] if "revision" in parts else "main")
        else:
            self._file(self.server.folder / "/".join(parts[:2]) / parts[-1], body)

    def _repository(self, name: str, revision: str) -> None:
        if name == "org/gated":
            return self._send(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": f"gated for {TOKEN}"})
        if not (self.server.folder / name).is_dir():
            return self._send(404, {"X-Error-Code": "RepoNotFound"})
        if revision not in ("main", COMMIT):
            return self._send(404, {"X-Error-Code": "RevisionNotFound"})
        files = [
            {"rfilename": file.name, "size": file.stat().st_size}
            for file in sorted((self.server.folder / name).iterdir())
        ]
        if name == "org/huge":
            files[0]["size"] = 10**12
        return self._send(200, {}, json.dumps({"id": name, "sha": COMMIT, "siblings": files}).encode())

    def _file(self, file: Path, body: bool) -> None:
        if not file.is_file():
            return self._send(404, {"X-Error-Code": "EntryNotFound"})
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return self._send(200, {"X-Repo-Commit": COMMIT, "ETag": f'"{digest}"'}, content, body)

    def _send(self, status: int, headers: dict[str, str], content: bytes = b"", body: bool = True) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    writers: dict[str, list[Callable[[Path], str]]] = {
        "json": [write_json, write_model, write_pair],
        "model": [write_model],
        "pair": [write_pair],
    }
    for name in (*writers, "none", "huge"):
        (folder / "org" / name).mkdir(parents=True)
        for write in writers.get(name, ()):
            write(folder / "org" / name)
        (folder / "org" / name / "modeling.py").write_text("raise SystemExit('code of a stranger')")
    (folder / "org/huge/modeling.py").rename(folder / "org/huge/tokenizer.json")
    with Hub(folder) as found:
        thread = Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def asked(home: Path, url: str, *names: str, **more: str) -> list[list[str]]:
    """What a fresh process says of each name, for huggingface_hub reads its environment once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = kept | {"HF_HOME": str(home), "HF_ENDPOINT": url, "HF_TOKEN": TOKEN} | more
    command = [sys.executable, "-c", ASK, *names]
    done = subprocess.run(command, env=environment, capture_output=True, cwd=home, timeout=120, check=True)
    assert TOKEN not in (done.stdout + done.stderr).decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_name_is_the_tokenizer_of_its_files_with_and_then_without_the_hub(server: Hub, tmp_path: Path) -> None:
    names = ["org/json", "hf:org/json@main", f"hf:org/json@{COMMIT}", "org/model", "hf:org/pair"]
    folders = ["json", "json", "json", "model", "pair"]
    expected = [[f"hf:org/{name}@{COMMIT}", digest_of(str(server.folder / "org" / name))] for name in folders]
    assert asked(tmp_path, server.url, *names) == expected
    fetched = {path.name for path in tmp_path.rglob("snapshots/*/*")}
    assert fetched == {"tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt"}
    assert not any("modeling" in path for path in server.asked)
    assert asked(tmp_path, NOBODY, names[0]) == expected[:1]
    before = len(server.asked)
    assert asked(tmp_path, server.url, *names, HF_HUB_OFFLINE="1") == expected
    assert len(server.asked) == before


def test_what_the_hub_cannot_give_is_said_with_the_next_step(server: Hub, tmp_path: Path) -> None:
    reasons = {
        "org/nothing": "neither a path here nor a repository",
        "org/gated": "accept its terms on its page, and set HF_TOKEN",
        "org/json@v9": "no such revision",
        "org/none": "no tokenizer among its 1 files; it needs one of tokenizer.json, tokenizer.model, vocab.json with",
        "org/huge": "has 1,000,000,000,000 bytes",
        "hf:a--b/c": "a name that the hub allows",
    }
    for (name, reason), (kind, text) in zip(reasons.items(), asked(tmp_path, server.url, *reasons), strict=True):
        assert kind == "BadTokenizer"
        assert reason in text
        assert name.removeprefix("hf:").split("@")[0] in text


def test_without_a_network_a_name_never_fetched_is_refused(tmp_path: Path) -> None:
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        ((kind, text),) = asked(tmp_path, NOBODY, "org/json", **more)
        assert kind == "BadTokenizer"
        assert "not in the hub's cache" in text
        assert "give their folder" in text


def test_a_path_that_is_here_is_never_asked_of_the_hub(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "org/json").mkdir(parents=True)
    write_pair(tmp_path / "org/json")
    before = list(server.asked)
    assert asked(tmp_path, server.url, "org/json") == [["org/json", digest_of(str(tmp_path / "org/json"))]]
    assert server.asked == before


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("org/name", hub.Name("org/name")),
        ("hf:org/name", hub.Name("org/name")),
        ("org/name@v1.0", hub.Name("org/name", "v1.0")),
        ("hf:gpt2", hub.Name("gpt2")),
        ("hf:org/x.json@refs/pr/1", hub.Name("org/x.json", "refs/pr/1")),
        *((path, None) for path in ("name", "a/b/c", "/a/b", "./a", "../a", "a/x.json", "a/t.model", "a b/c", "a/")),
    ],
)
def test_only_what_cannot_be_a_path_is_a_name(path: str, name: hub.Name | None) -> None:
    assert hub.named(path) == name


def test_a_missing_file_is_no_matter_of_the_network() -> None:
    for path in ("tokenizers/x.json", "a/b/c", "nothing", "nul\0here", "x" * 5_000):
        with contextlib.suppress(BadTokenizer):
            find(path)
            pytest.fail(f"{path} was found")
    assert hub.fetch.cache_info().currsize == 0
    assert (len(CHOICES), LARGEST) == (3, 500_000_000)
