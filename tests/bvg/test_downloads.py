"""Test downloads from a local server: lost connections, ignored ranges, web pages, wrong digests, several processes."""

import hashlib
import http.server
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

from bvg import downloads as module
from bvg.downloads import ChecksumError, DownloadError, download, verify

CONTENT = random.Random(0).randbytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serve `server.content`, with the faults that the attributes of the server set."""

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.failures:
            server.failures -= 1
            return self.send_error(503)
        if self.path == "/missing":
            return self.send_error(404)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
        total = len(server.content)
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(total - start))
        self.send_header("Content-Type", server.content_type)
        self.send_header("ETag", f'"{hashlib.md5(server.content).hexdigest()}"')
        self.end_headers()
        body = server.content[start:]
        if server.cuts:
            body = body[: server.cuts.pop(0)]
        for begin in range(0, len(body), 100_000):
            time.sleep(server.pause)
            try:
                self.wfile.write(body[begin : begin + 100_000])
            except OSError:  # the client was killed
                return None
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "PAUSE", 0.01)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.content_type = CONTENT, "application/octet-stream"
    server.asked, server.cuts, server.ranges, server.failures, server.pause = [], [], True, 0, 0.0
    server.url = f"http://127.0.0.1:{server.server_port}/weights.pth"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def leftovers(path):
    return sorted(file.name.removeprefix(path.name) for file in path.parent.iterdir())


@pytest.mark.parametrize("sha256", [None, DIGEST, DIGEST[:8], DIGEST.upper()])
def test_a_file_is_downloaded_once_and_recorded(server, tmp_path, sha256):
    path = download(server.url, tmp_path / "new folder" / "weights.pth", sha256, progress=False)
    assert path.read_bytes() == CONTENT
    assert path.with_name("weights.pth.sha256").read_text() == f"{DIGEST}  weights.pth\n"
    assert leftovers(path) == ["", ".lock", ".sha256"]
    download(server.url, path, sha256, progress=False)
    assert server.asked == [None]  # the second call found the file


def test_a_lost_connection_is_resumed(server, tmp_path):
    server.cuts = [1_200_000, 900_000]
    path = download(server.url, tmp_path / "weights.pth", DIGEST, progress=False)
    assert path.read_bytes() == CONTENT
    starts = [int(asked[6:-1]) for asked in server.asked[1:]]
    assert server.asked[0] is None
    assert len(starts) == 2
    assert 0 < starts[0] <= 1_200_000
    assert starts[0] < starts[1] <= 2_100_000


def test_a_server_that_ignores_ranges_sends_the_whole_file(server, tmp_path):
    server.cuts, server.ranges = [1_200_000], False
    path = download(server.url, tmp_path / "weights.pth", progress=False)
    assert path.read_bytes() == CONTENT


def test_a_complete_part_is_accepted(server, tmp_path):
    """The previous run died after the last byte, before it renamed the file."""
    (tmp_path / "weights.pth.part").write_bytes(CONTENT)
    assert download(server.url, tmp_path / "weights.pth", DIGEST, progress=False).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_a_file_that_changed_upstream_is_restarted(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    server.cuts = [1_200_000]
    with pytest.raises(DownloadError, match="resumes there"):
        download(server.url, tmp_path / "weights.pth", progress=False)
    assert 0 < (tmp_path / "weights.pth.part").stat().st_size <= 1_200_000
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    server.content = CONTENT[::-1]
    assert download(server.url, tmp_path / "weights.pth", progress=False).read_bytes() == CONTENT[::-1]


def test_a_part_longer_than_the_file_is_restarted(server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(CONTENT + b"more")
    assert download(server.url, tmp_path / "weights.pth", progress=False).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.failures = module.ATTEMPTS - 1
    assert download(server.url, tmp_path / "weights.pth", progress=False).read_bytes() == CONTENT
    assert len(server.asked) == module.ATTEMPTS


def test_connections_that_always_end_at_the_same_byte_are_given_up(server, tmp_path):
    server.cuts, server.ranges = [500_000] * 20, False
    with pytest.raises(DownloadError, match="no complete answer"):
        download(server.url, tmp_path / "weights.pth", progress=False)
    assert len(server.asked) <= module.ATTEMPTS + 1
    assert not (tmp_path / "weights.pth").exists()


PAGE = b"\n<!DOCTYPE html><html><title>Quota exceeded</title></html>"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(PAGE, "application/octet-stream"), (PAGE, "text/html"), (b"<head>Sign in</head>", "text/html; charset=utf-8")],
)
def test_a_web_page_is_not_accepted_as_the_file(server, tmp_path, content, content_type):
    server.content, server.content_type = content, content_type
    path = tmp_path / "weights.pth"
    with pytest.raises(DownloadError, match="web page") as caught:
        download(server.url, path, page="https://example.org/page", progress=False)
    assert f"open https://example.org/page in a browser, save the file as {path}" in str(caught.value)
    assert leftovers(path) == [".lock"]


def test_a_file_labelled_as_html_is_accepted(server, tmp_path):
    server.content_type = "text/html"
    assert download(server.url, tmp_path / "weights.pth", progress=False).read_bytes() == CONTENT


def test_a_web_page_saved_by_hand_is_rejected(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(PAGE)
    with pytest.raises(ChecksumError, match="web page saved under its name"):
        verify(path)


@pytest.mark.parametrize("sha256", ["0" * 64, "00000000", DIGEST[:4]])
def test_a_file_with_a_wrong_digest_is_deleted(server, tmp_path, sha256):
    path = tmp_path / "weights.pth"
    with pytest.raises(ChecksumError, match=f"expected .*{sha256}, got {DIGEST}"):
        download(server.url, path, sha256, progress=False)
    assert not path.exists()
    assert not path.with_name("weights.pth.part").exists()


def test_later_uses_are_checked_against_the_recorded_digest(server, tmp_path):
    path = download(server.url, tmp_path / "weights.pth", progress=False)
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ChecksumError, match=f"first download, {DIGEST}"):
        download(server.url, path, progress=False)
    path.unlink()
    server.content = b"another release"
    with pytest.raises(ChecksumError, match="upstream has changed it"):
        download(server.url, path, progress=False)


def test_a_missing_file_and_an_unreachable_server_are_reported(server, tmp_path, monkeypatch):
    with pytest.raises(DownloadError, match=r"got the answer 404 .*\nBy hand: open http"):
        download(server.url.replace("weights.pth", "missing"), tmp_path / "a.pth", progress=False)
    assert len(server.asked) == 1  # asking again would not help
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    with pytest.raises(DownloadError, match=r"(?s)no complete answer.*By hand"):
        download("http://127.0.0.1:9/weights.pth", tmp_path / "b.pth", progress=False)
    with pytest.raises(DownloadError, match="expected the file at nowhere") as caught:
        download("nowhere", tmp_path / "c.pth", progress=False)
    assert isinstance(caught.value.__cause__.__cause__, requests.RequestException)


def start_process(server, path):
    code = f"from bvg.downloads import download; download({server.url!r}, {str(path)!r}, {DIGEST!r}, progress=False)"
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ, stderr=subprocess.PIPE)


def test_concurrent_processes_download_once(server, tmp_path):
    server.pause = 0.02
    path = tmp_path / "weights.pth"
    processes = [start_process(server, path) for _ in range(3)]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_killed_download_is_resumed(server, tmp_path):
    server.pause = 0.05
    path = tmp_path / "weights.pth"
    part = path.with_name("weights.pth.part")
    process = start_process(server, path)
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 0):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    received = part.stat().st_size
    assert not path.exists()
    server.pause = 0
    assert download(server.url, path, DIGEST, progress=False).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={received}-"]


def test_the_progress_bar_names_the_file(server, tmp_path, capsys):
    download(server.url, tmp_path / "weights.pth")
    assert "weights.pth: 100%" in capsys.readouterr().err
