"""Download files: resume, verify, and never leave a partial file in place.

pooch does not replace this: it neither resumes partial downloads nor locks a file between processes nor detects web pages.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from pathlib import Path

import requests
from filelock import FileLock
from tqdm import tqdm

from bvg import files

TIMEOUT = (10, 60)  # seconds: to connect, and between two packets
ATTEMPTS = 4  # consecutive attempts without a new byte
PAUSE = 1.0  # seconds before the second attempt; doubled after each failure
CHUNK = 1 << 16  # bytes per write: at most so many are lost with a connection


class DownloadError(OSError):
    """A file cannot be downloaded; the message tells how to do it by hand."""


class ChecksumError(DownloadError):
    """The SHA-256 of a file is not the one stated upstream or recorded at first."""


class _Interrupted(Exception):
    """This attempt failed; another one may succeed."""


def download(
    url: str, path: str | Path, sha256: str | None = None, *, page: str | None = None, progress: bool = True
) -> Path:
    """Download a file unless it is there already, and verify it.

    Received bytes go to PATH.part, where a later call, or the next attempt after a lost connection, resumes. The
    complete file is verified and then renamed. The lock PATH.lock lets one process download while the others wait.
    PATH.sha256 keeps the digest of the first download, in the format of the sha256sum program; later files must match it.

    Args:
        url: http or https address of the file itself.
        path: where to put the file.
        sha256: its SHA-256 in hexadecimal, or at least the first eight digits where upstream publishes no more.
        page: address for a browser, named in the error message when the download fails; by default `url`.
        progress: show a progress bar on standard error.

    Returns:
        `path`.

    Raises:
        DownloadError: the server cannot be reached, reports an error, or returns a web page instead of the file.
        ChecksumError: the file is not the expected one. A new download is then deleted; an existing file is kept.
    """
    path = Path(path)
    if path.exists():
        return verify(path, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.exists():  # another process has downloaded it meanwhile
            return verify(path, sha256)
        part = path.with_name(path.name + ".part")
        try:
            _receive_all(url, part, progress)
        except DownloadError as error:
            raise DownloadError(f"{error}\n{_by_hand(page or url, path)}") from error
        try:
            _record(part, path, sha256)
        except ChecksumError:
            part.unlink()
            raise
        os.replace(part, path)
        _identity_file(part).unlink(missing_ok=True)
    return path


def verify(path: str | Path, sha256: str | None = None) -> Path:
    """Check a file against the expected and the recorded SHA-256.

    Its digest is recorded in PATH.sha256 if there is no record.

    Raises:
        ChecksumError: the digests differ, or the file is a web page.
    """
    path = Path(path)
    with path.open("rb") as file:
        if _is_html(file.read(512)):
            raise ChecksumError(
                f"expected {path} to be the file itself, got a web page saved under its name: delete it"
            )
    _record(path, path, sha256)
    return path


def _record(file: Path, path: Path, sha256: str | None) -> None:
    """Check the digest of `file` against the one stated for `path` and the recorded one; record it if there is none."""
    digest = files.sha256(file)
    record = path.with_name(path.name + ".sha256")
    if sha256 is not None and not (len(sha256) >= 8 and digest.startswith(sha256.lower())):
        raise ChecksumError(
            f"expected {path} with a SHA-256 that starts with {sha256}, got {digest}: it is damaged or another file. "
            "If it is still there, delete it to download it again."
        )
    if record.exists():
        recorded = record.read_text().split()[0]
        if recorded != digest:
            raise ChecksumError(
                f"expected {path} with the SHA-256 of its first download, {recorded}, got {digest}: it is damaged, or "
                f"upstream has changed it. Delete it to download it again, and {record.name} too to accept a new one."
            )
    else:
        with files.atomic(record) as new:
            new.write_text(f"{digest}  {path.name}\n")


def _receive_all(url: str, part: Path, progress: bool) -> None:
    """Attempt until the file is complete; give up after ATTEMPTS consecutive attempts without a new byte."""
    failures, most = 0, _size(part)
    while True:
        try:
            return _receive(url, part, progress)
        except (
            _Interrupted,
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures >= ATTEMPTS:
                kept = f"; the {most} received bytes are kept, and the next call resumes there" if most else ""
                raise DownloadError(f"expected the file at {url}, got no complete answer ({error}){kept}") from error
            time.sleep(PAUSE * 2 ** (failures - 1))
        except requests.RequestException as error:
            raise DownloadError(f"expected the file at {url}, got: {error}") from error


def _receive(url: str, part: Path, progress: bool) -> None:
    """Make one request: for the whole file, or for the rest of `part`."""
    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing after `start`: complete, unless the file has changed
            if _content_range(answer)[1] == start:
                return
            part.unlink()
            raise _Interrupted("the server's file is shorter than the received part")
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Interrupted(f"{answer.status_code} {answer.reason}")
        if answer.status_code not in (200, 206):
            raise DownloadError(f"expected the file at {url}, got the answer {answer.status_code} {answer.reason}")
        resumed = answer.status_code == 206
        first, total = _content_range(answer) if resumed else (0, _content_length(answer))
        identity = f"{answer.headers.get('ETag') or answer.headers.get('Last-Modified')} {total}"
        known = _identity_file(part)
        if resumed and (first != start or not known.exists() or known.read_text() != identity):
            part.unlink()  # never append to the beginning of another file
            raise _Interrupted("the server's file has changed since the download began")
        chunks = answer.iter_content(CHUNK)
        beginning = next(chunks, b"")
        if not resumed and _is_html(beginning, answer.headers.get("Content-Type", "")):
            raise DownloadError(f"expected the file at {url}, got a web page (a consent, quota, log-in or error page)")
        known.write_text(identity)
        bar = tqdm(
            desc=part.name.removesuffix(".part"),
            total=total,
            initial=first,
            unit="B",
            unit_scale=True,
            disable=not progress,
        )
        with part.open("ab" if resumed else "wb") as file, bar:
            for chunk in itertools.chain([beginning], chunks):
                file.write(chunk)
                bar.update(len(chunk))
            file.flush()
            os.fsync(file.fileno())
    if total is not None and _size(part) != total:
        raise _Interrupted(f"the connection ended at byte {_size(part)} of {total}")


def _is_html(beginning: bytes, content_type: str = "") -> bool:
    # No checkpoint format begins like this. Some servers label any file text/html, so the first byte must agree.
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith((b"<!doctype html", b"<html")) or ("text/html" in content_type and text.startswith(b"<"))


def _content_range(answer: requests.Response) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", answer.headers.get("Content-Range", ""))
    first, total = match.groups() if match else (None, None)
    return (int(first) if first else None, int(total) if total and total != "*" else None)


def _content_length(answer: requests.Response) -> int | None:
    if "Content-Encoding" in answer.headers:  # the length is then that of the compressed content
        return None
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _identity_file(part: Path) -> Path:
    return part.with_name(part.name + ".identity")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _by_hand(page: str, path: Path) -> str:
    return f"By hand: open {page} in a browser, save the file as {path}, and run again."
