"""Object stores on this machine, started only by the tests that ask for them.

`s3` is moto's server with one bucket; its address and dummy credentials stand in the environment, which processes that
a test starts inherit. `gs` is a server of Google's JSON API in a few lines: list and get, no credentials.
"""

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, quote, unquote, urlsplit

import fsspec
import pytest

BUCKET = "corpus"
SECRET = "dummy+Secret/Key0123456789"


def forget() -> None:
    """The stores' file systems are kept by their settings, and the environment is none of them."""
    for store in ("s3", "gs"):
        fsspec.get_filesystem_class(store).clear_instance_cache()


@dataclass(frozen=True)
class Server:
    """An S3 server with one bucket, written to without the library that is tested."""

    address: str

    def send(self, method: str, path: str, data: bytes = b"") -> bytes:
        # Without a type moto takes the body for a form; without a login it overwrites nothing.
        kind = {"Content-Type": "application/octet-stream", "Authorization": "AWS dummy:dummy"}
        request = urllib.request.Request(f"{self.address}/{quote(path)}", data, kind, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def put(self, key: str, data: bytes) -> None:
        self.send("PUT", f"{BUCKET}/{key}", data)

    def put_many(self, keys: list[str]) -> None:
        """Objects of one byte, put into the server's memory: a request each would take 10 s for 1,000."""
        from moto.s3.models import s3_backends

        (backend,) = (region["aws"] for _, region in s3_backends.items() if "aws" in region)
        for key in keys:
            backend.put_object(BUCKET, key, b"x")

    def upload(self, folder: Path, prefix: str) -> str:
        """Every file below a folder; the url of the prefix."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder)}", path.read_bytes())
        return f"s3://{BUCKET}/{prefix}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    from moto.server import ThreadedMotoServer  # takes seconds: not for the processes that tests spawn

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Server(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def s3(s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An empty bucket `corpus`."""
    s3_server.send("POST", "moto-api/reset")
    s3_server.send("PUT", BUCKET)
    settings = {
        "AWS_ENDPOINT_URL": s3_server.address, "AWS_ACCESS_KEY_ID": "dummy", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget()
    yield s3_server
    forget()


@dataclass
class Google:
    """What the server of Google's JSON API holds, by key, in its one bucket; `overwrite` is done after the next get."""

    objects: dict[str, bytes] = field(default_factory=dict)
    overwrite: dict[str, bytes] = field(default_factory=dict)
    forbidden: bool = False

    def info(self, key: str) -> dict[str, str]:
        data = self.objects[key]
        digest = md5(data).hexdigest()
        return {"name": key, "bucket": BUCKET, "size": str(len(data)), "md5Hash": digest, "etag": "of permissions"}

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        """Status, and what is answered: an object as JSON, or bytes."""
        if self.forbidden:
            return 403, {"error": {"code": 403, "message": "caller does not have storage.objects.list access"}}
        found = re.fullmatch(rf"(?:/download)?/storage/v1/b/{BUCKET}(?:/o)?(?:/(.+))?", path)
        if found is None:
            return 404, {"error": {"code": 404, "message": "The specified bucket does not exist."}}
        if found[1] is None:
            prefix, mark = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
            below = [key for key in sorted(self.objects) if key.startswith(prefix)]
            inner = {key for key in below if mark and mark in key[len(prefix) :]}
            folders = {prefix + key[len(prefix) :].split(mark)[0] + mark for key in inner}
            return 200, {
                "items": [self.info(key) for key in below if key not in inner],
                "prefixes": sorted(folders),
            }
        key = unquote(found[1])
        if key not in self.objects:
            return 404, {"error": {"code": 404, "message": "No such object"}}
        if "alt" not in query:
            return 200, self.info(key)
        data = self.objects[key]
        self.objects |= self.overwrite
        return 200, data


@pytest.fixture
def gs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """A bucket `corpus` of Google's, empty."""
    held = Google()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, content = held.answer(parts.path, parse_qs(parts.query))
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            if asked := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
                status, data = 206, data[int(asked[1]) : int(asked[2]) + 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("FSSPEC_GS_TOKEN", "anon")
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})  # fsspec reads the environment at import
    forget()
    yield held
    server.shutdown()
    server.server_close()
    forget()
