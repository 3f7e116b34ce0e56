"""What object stores and their libraries raise, told with the url, the reason and what to do; never with a secret."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prep.errors import BadSource

S3, GS = ("s3", "s3a"), ("gs", "gcs")
SAID = 300  # characters of what a library says that are passed on

# Where a library keeps errors that are neither OSError nor ValueError; looked up only once the library is loaded.
ERRORS = (
    ("botocore.exceptions", ("BotoCoreError", "ClientError")),
    ("aiohttp", ("ClientError",)),
    ("gcsfs.retry", ("HttpError", "NonRetryableError")),
    ("google.auth.exceptions", ("GoogleAuthError",)),
)
SIGNED = re.compile(
    r"[?&](?:x-amz-|x-goog-|awsaccesskeyid=|googleaccessid=|signature=|sig=|token=|key=)", re.IGNORECASE
)
LOGIN = re.compile(r"//[^@\s]*@")
PLAIN = re.compile(r"(\[[0-9a-fA-F:.]*\]|[^:\[\]]*)(:\d*)?|[^:]*[*?\[][^:]*")  # a host, or a pattern of names
VERSION = "?versionId="

CREDENTIALS = {
    "s3": "give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as a profile (AWS_PROFILE) or as the machine's "
    "role; for a public bucket set FSSPEC_S3_ANON=true",
    "gs": "give them by `gcloud auth application-default login` or GOOGLE_APPLICATION_CREDENTIALS; for a public bucket "
    "set FSSPEC_GS_TOKEN=anon",
}
DENIED = {
    "s3": "check that these credentials may list the bucket (s3:ListBucket) and read its objects (s3:GetObject), and "
    "that the name is right: S3 says the same of what is not there where listing is forbidden",
    "gs": "check that these credentials may list the bucket and read its objects (roles/storage.objectViewer); "
    "without any, run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS",
}
REACHED = {
    "s3": "check the network and, where it is not Amazon's, the endpoint (AWS_ENDPOINT_URL)",
    "gs": "check the network (and STORAGE_EMULATOR_HOST, if it is set)",
}
MISSING = "check the spelling of bucket and key"


def store_of(url: str) -> str:
    """`s3`, `gs`, or the url's own protocol."""
    protocol = url.partition("://")[0]
    return "s3" if protocol in S3 else "gs" if protocol in GS else protocol


def refuse(url: str) -> None:
    """Complain of a url that holds a secret, which would end in messages and manifests, or that pins a version."""
    protocol, _, rest = url.partition("://")
    stored = store_of(url) in {"s3", "gs"}
    # A password may hold a slash, so a colon before none but a port is enough; github:// has org:name@branch.
    host = rest.partition("/")[0]
    if stored:
        login = "@" in host or (":" in host and not host.startswith("arn:"))
    else:
        login = protocol != "github" and bool(re.match(r"[^/@]*:[^/@]*@", rest) or not PLAIN.fullmatch(host))
    if login:
        how = CREDENTIALS.get(store_of(url), "give it by the environment or by fsspec's own configuration")
        raise BadSource(f"{protocol}://***: holds a login, which would stand in manifests; take it out, and {how}")
    if protocol in {"http", "https"} and SIGNED.search(url):
        raise BadSource(
            f"{url.partition('?')[0]}?***: is a signed url; its signature would stand in manifests. "
            "Name the object itself (s3://, gs://) and give credentials by the environment"
        )
    if stored and VERSION in url:
        raise BadSource(f"{url}: a version cannot be named; leave out {VERSION}..., an object that changes is noticed")


def masked(text: str) -> str:
    """The text without what may be a login in a url."""
    return LOGIN.sub("//***@", text)


def failures() -> tuple[type[Exception], ...]:
    """What opening, listing and reading may raise, of those libraries that are loaded."""
    found: list[type[Exception]] = [OSError, ValueError]
    for module, names in ERRORS:
        if module in sys.modules:
            found += [getattr(sys.modules[module], name) for name in names]
    return tuple(found)


@contextmanager
def told(url: str, name: str, doing: str) -> Iterator[None]:
    """Errors of the block as `BadSource`; `name` is what the user knows the file or folder by."""
    try:
        yield
    except ImportError as error:
        store = store_of(url)
        extra = f"install prep-corpus[{store}]" if store in {"s3", "gs"} else "install what its protocol needs"
        raise BadSource(f"{name}: {store}:// needs a library that is not here ({error}); {extra}") from error
    except failures() as error:
        raise BadSource(f"{name}: {doing} ({said(error)}); {advice(error, store_of(url))}") from error


def said(error: BaseException) -> str:
    """The error's own words, on one line."""
    words = " ".join(masked(str(error)).split())
    kind = type(error).__name__
    return f"{kind}: {words}"[:SAID] if words else kind


def advice(error: BaseException, store: str) -> str:
    """The next step, by the kind of error; the libraries agree on none."""
    text = f"{type(error).__name__} {error}"
    if re.search(r"FileExpired|pre-?condition", text, re.IGNORECASE):
        return "it changed while it was read; wait until nobody writes it, and run again"
    if re.search(r"Credential|Profile|SSO|RefreshError|[Tt]oken.*expired|[Ee]xpired.*token", text):
        return CREDENTIALS.get(store, "check its credentials")
    if isinstance(error, PermissionError) or re.search(r"Forbidden|[Aa]nonymous caller|Unauthorized|\b40[13]\b", text):
        return DENIED.get(store, "check its permissions")
    if isinstance(error, FileNotFoundError) or re.search(r"Invalid bucket|ParamValidation|Parameter valid", text):
        return MISSING
    return REACHED.get(store, "check the address and the network")
