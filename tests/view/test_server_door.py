"""Who is let in: by the names, origins and tokens of requests as browsers and others send them."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from ilk.errors import OptionError
from ilk.view import server
from ilk.view._server import pages
from ilk.view._server.desk import Desk
from ilk.view._server.guard import POLICY, _hostname, is_loopback
from ilk.view.server import application, serve

TOKEN = "a-token-of-some-length"


class Served:
    """A real server in a thread, and raw requests to it."""

    def __init__(self, app: object) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        config = uvicorn.Config(app, log_level="error", lifespan="off", ws="none", proxy_headers=False)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.listening],), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def ask(self, path="/api/space", method="GET", body=None, host=None, **headers):
        """Status, headers and body; `host` as is, "" for none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        given = {"host": f"127.0.0.1:{self.port}" if host is None else host, **headers}
        for name, value in given.items():
            if value:
                connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        told = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return told

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.listening.close()


@pytest.fixture(scope="module")
def open_(made: Path) -> Iterator[Served]:
    """On loopback, without a token."""
    served = Served(application(Desk(made)))
    yield served
    served.close()


@pytest.fixture(scope="module")
def closed(made: Path) -> Iterator[Served]:
    """As on 0.0.0.0, with a token."""
    served = Served(application(Desk(made), host="0.0.0.0", token=TOKEN))
    yield served
    served.close()


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:{}", "[::1]:{}", "localhost:9"])
def test_this_machines_own_names_are_answered(open_, host):
    assert open_.ask(host=host.format(open_.port))[0] == 200


STRANGE = (
    "evil.example",
    "evil.example:{}",
    "127.0.0.1.evil.example:{}",
    "localhost.:{}",
    "192.168.1.5:{}",
    "localhost@evil.example",
    "evil.example@localhost",
    "127.0.0.1:x",
    "[::1",
    "0x7f.1:{}",
)


@pytest.mark.parametrize("host", STRANGE)
def test_a_rebound_name_is_not(open_, host):
    for path in ("/", "/api/space", "/api/points.bin", "/nothing"):
        status, _, body = open_.ask(path, host=host.format(open_.port))
        assert status in (400, 403), path  # 400: refused by the parser already
        assert b"digits" not in body


def test_a_request_without_a_name_is_not(open_):
    assert open_.ask(host="")[0] in (400, 403)


def test_other_pages_may_not_ask(open_):
    own = f"http://127.0.0.1:{open_.port}"
    assert open_.ask(origin=own)[0] == 200
    for origin in (
        "http://evil.example",
        "null",
        f"http://127.0.0.1:{open_.port + 1}",
        f"http://localhost:{open_.port}",
    ):
        for method, path in (("GET", "/api/space"), ("POST", "/api/undo"), ("DELETE", "/api/labels?name=a")):
            assert open_.ask(path, method, origin=origin)[0] == 403
    for site in ("cross-site", "same-site"):
        assert open_.ask(sec_fetch_site=site)[0] == 403
        assert open_.ask("/", sec_fetch_site=site)[0] == 200  # a link may lead to the page
        assert open_.ask("/", "POST", body=b"", origin="http://evil.example")[0] == 403
    # a form of another page, from a browser so old that it sends no Sec-Fetch-Site
    kind = "text/plain"
    assert (
        open_.ask("/api/clusters", "POST", b'{"k":2}', origin="http://evil.example", content_type=kind)[0]
        == 403
    )


def test_browsers_are_told_what_to_forbid(open_):
    for path in ("/", "/api/space", "/api/rows/1/picture", "/nothing"):
        _, headers, _ = open_.ask(path)
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers or "uvicorn" in headers["server"]
        assert "access-control-allow-origin" not in headers
    assert "unsafe" not in POLICY
    assert open_.ask(method="OPTIONS", origin="http://evil.example")[0] == 403


def test_without_the_token_nothing_is_told(closed):
    for path in ("/", "/api/space", "/api/openapi.json", "/index.html", f"/api/space?token={TOKEN}"):
        status, headers, body = closed.ask(path)
        assert status == 401
        assert b"digits" not in body
        assert "set-cookie" not in headers
    assert closed.ask("/?token=wrong")[0] == 401
    assert closed.ask(authorization="Bearer wrong")[0] == 401
    assert closed.ask(cookie=f"ilk-token-{closed.port}=wrong; \x7f")[0] in (400, 401)


def test_the_printed_address_lets_in(closed):
    status, headers, _ = closed.ask(f"/?token={TOKEN}")
    assert (status, headers["location"]) == (303, "/")
    cookie, *rest = headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} == set(rest)
    assert closed.ask(cookie=cookie)[0] == 200
    assert closed.ask("/", cookie=cookie)[0] == 200
    assert closed.ask(authorization=f"Bearer {TOKEN}")[0] == 200
    assert closed.ask(cookie=cookie, origin="http://evil.example")[0] == 403
    assert closed.ask(cookie=cookie, host="evil.example")[0] == 403
    assert closed.ask(cookie=cookie, host=f"10.0.0.7:{closed.port}")[0] == 200  # an address cannot be rebound
    assert closed.ask(cookie=cookie, host=socket.gethostname())[0] == 200


def test_bodies_are_bounded_however_they_are_sent(open_):
    assert open_.ask("/api/search", "POST", b" " * (1 << 17), content_type="application/json")[0] == 413
    assert open_.ask("/api/labels?name=a", "POST", b"\0" * (1 << 17))[0] == 413
    assert open_.ask("/api/space", "GET", content_length=str(1 << 40))[0] == 413  # believed, not waited for
    connection = http.client.HTTPConnection("127.0.0.1", open_.port, timeout=20)
    try:
        parts = iter([b" " * 10_000] * 20)  # in chunks, without a length
        connection.request(
            "POST", "/api/search", parts, {"content-type": "application/json"}, encode_chunked=True
        )
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before all was sent
    finally:
        connection.close()
    assert open_.ask()[0] == 200


OUTSIDE = (
    "/../space.json",
    "/%2e%2e/space.json",
    "/..%2fspace.json",
    "//etc/passwd",
    "/etc/passwd",
    "/space.json",
    "/_server/guard.py",
    "/static/../server.py",
    "/C:\\windows",
    "/index.html/..",
    "/%00",
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_to_a_file(open_, path):
    status, _, body = open_.ask(path)
    assert status == 404
    assert b"root:" not in body
    assert b"fingerprint" not in body


def test_pages_are_a_fixed_list(made, tmp_path, monkeypatch):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>ilk</title>")
    (tmp_path / "assets" / "app.js").write_text("1")
    (tmp_path / "assets" / "notes.py").write_text("secret")
    known = pages.pages(tmp_path)
    assert set(known) == {"", "index.html", "assets/app.js"}
    monkeypatch.setattr(server, "pages", lambda: known)
    served = Served(application(Desk(made)))
    try:
        status, headers, body = served.ask("/")
        assert (status, body) == (200, (tmp_path / "index.html").read_bytes())
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert served.ask("/", if_none_match=headers["etag"])[0] == 304
        assert served.ask("/assets/app.js")[1]["content-type"] == "text/javascript; charset=utf-8"
        (tmp_path / "assets" / "late.js").write_text("2")
        assert served.ask("/assets/late.js")[0] == served.ask("/assets/notes.py")[0] == 404
    finally:
        served.close()


def test_the_page_that_is_shipped_keeps_its_own_policy():
    """No script, style or address in it that the policy forbids; every file it names is there."""
    known = pages.pages()
    page = known["index.html"].data.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert any(name.endswith(".js") for name in named)
    files = {name.removeprefix("./").removeprefix("/") for name in named if "api/" not in name}
    assert files <= set(known)
    for name, file in known.items():
        for url in set(re.findall(rb"https?://[\w.-]+", file.data)):
            assert url in (b"http://www.w3.org", b"https://svelte.dev"), (
                name
            )  # names of languages, errors' pages


@given(st.text(max_size=30))
def test_a_name_is_read_or_refused(host):
    name = _hostname(host)
    assert name == "" or name.lower() in host.lower()


def test_what_is_this_machines_own():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))


def test_a_short_token_and_a_taken_port_are_told(made):
    with pytest.raises(OptionError, match="a token of 5 characters"):
        serve(made, token="abcde")
    with pytest.raises(OptionError, match="a token of"):
        serve(made, token="semicolons; are for cookies")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve(made, port=port)
    with pytest.raises(OptionError, match="port 70000"):
        serve(made, port=70000)


def test_the_verb(made):
    """`ilk look` as typed: it says where to look, answers there, and Ctrl-C is no error."""
    words = [sys.executable, "-m", "ilk", "look", str(made), "--port", "0", "--token", TOKEN, "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert url.endswith(f"/?token={TOKEN}")
        asked = urllib.request.Request(
            url.partition("?")[0] + "api/space", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert json.load(answer)["name"] == "digits"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        process.kill()
        process.communicate()
