"""A Hub on the loopback address that the real `huggingface_hub` and `datasets` talk to; it can refuse, delay and cut on purpose.

    with serve_hub() as hub:
        hub.fail("PUT /_blobs", cut_after=1)            # the second upload dies half way
        subprocess.run(…, env=os.environ | hub.environment(tmp_path))
        hub.datasets["me/sums"].private, hub.commits("me/sums"), hub.requests

Datasets only. Not there: the Xet protocol (hence HF_HUB_DISABLE_XET), pages of long listings, permissions beyond a known token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "loopback" * 4
USER = "me"
MOST_REQUESTS = 2000
LARGE = re.compile(r"\.(parquet|png)$")


@dataclass(frozen=True)
class Revision:
    """One commit and the files it leaves."""

    oid: str
    files: dict[str, bytes]
    title: str


@dataclass
class Dataset:
    private: bool
    branches: dict[str, list[Revision]]
    pulls: dict[int, str] = field(default_factory=dict)
    """Number to title of each open pull request."""


@dataclass
class Fault:
    """Requests that match are answered with `status`, or cut, `times` times after the first `skip`."""

    pattern: str
    status: int
    headers: dict[str, str]
    times: int
    skip: int
    cut: bool
    before: Callable[[], None] | None


class Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.headers = status, {"X-Error-Code": code, "X-Error-Message": message or code}


class Hub:
    def __init__(self) -> None:
        self.datasets: dict[str, Dataset] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.received = 0
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.url = ""

    def environment(self, home: Path, token: str | None = TOKEN) -> dict[str, str]:
        """Variables for a client; they are read when `huggingface_hub` is imported."""
        quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}
        home.mkdir(parents=True, exist_ok=True)
        found = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1", **quiet}
        return found | ({"HF_TOKEN": token} if token else {})

    def fail(self, pattern: str, status: int = 500, times: int = 1, skip: int = 0, cut: bool = False, **more: Any) -> None:
        self.faults.append(Fault(pattern, status, more.get("headers", {}), times, skip, cut, more.get("before")))

    def commits(self, name: str, branch: str = "main") -> list[str]:
        """Titles of the commits of a branch after the first, which the repo is made with."""
        return [revision.title for revision in self.datasets[name].branches[branch][1:]]

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        return self.datasets[name].branches[branch][-1].files

    def count(self, start: str) -> int:
        return sum(request.startswith(start) for request in self.requests)

    # --- routes: method and path -> answer ---

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if (method, path) == ("GET", "/api/whoami-v2"):
            access = {"type": "access_token", "accessToken": {"role": "write", "displayName": "test"}}
            return _json({"type": "user", "name": USER, "fullname": USER, "orgs": [], "auth": access})
        if (method, path) == ("POST", "/api/validate-yaml"):
            return _json({"errors": [], "warnings": []})
        if (method, path) == ("POST", "/api/repos/create"):
            return self._create(json.loads(body))
        if match := re.fullmatch(r"/_blobs/([0-9a-f]{64})", path):
            if hashlib.sha256(body).hexdigest() != match[1]:
                raise Refused(400, "BadHash")
            self.blobs[match[1]] = body
            return 200, {}, b""
        if match := re.fullmatch(r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            self._dataset(match[1])
            return _json({"transfer": "basic", "objects": [self._object(entry) for entry in json.loads(body)["objects"]]})
        if match := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/(refs%2Fpr%2F\d+|[^/]+)/(.+)", path):
            return self._resolve(match[1], unquote(match[2]), unquote(match[3]))
        if match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/([^/]+)(?:/([^/]+))?(?:/(.*))?)?", path):
            return self._dataset_call(match, method, query, body)
        raise Refused(404, "RepoNotFound")

    def _dataset_call(
        self, match: re.Match[str], method: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        name, verb, revision, rest = match[1], match[2], unquote(match[3] or "main"), unquote(match[4] or "")
        dataset = self._dataset(name)
        if verb in (None, "revision"):
            found = self._revision(name, revision)
            names = [{"rfilename": path} for path in found.files]
            return _json(
                {"_id": "0", "id": name, "sha": found.oid, "private": dataset.private, "siblings": names, "tags": [], "downloads": 0}
            )
        if verb == "branch":
            if revision in dataset.branches:
                raise Refused(409, "", "Reference already exists")
            dataset.branches[revision] = dataset.branches["main"][:]
            return _json({})
        if verb == "preupload":
            files = self._revision(name, revision).files
            wanted = [entry["path"] for entry in json.loads(body)["files"]]
            modes = {path: "lfs" if LARGE.search(path) else "regular" for path in wanted}
            oids = {path: _oid(path, files[path]) if path in files else None for path in wanted}
            rows = [{"path": path, "uploadMode": modes[path], "shouldIgnore": False, "oid": oids[path]} for path in wanted]
            return _json({"files": rows, "commitOid": self._revision(name, revision).oid})
        if verb == "commit" and method == "POST":
            return self._commit(name, revision, "create_pr" in query, body)
        if verb == "tree":
            files = self._revision(name, revision).files
            inside = {path: data for path, data in files.items() if not rest or path.startswith(rest.rstrip("/") + "/")}
            folders = {
                str(folder) for path in inside for folder in Path(path).parents if str(folder) != "." and len(str(folder)) > len(rest)
            }
            if rest and not inside:
                raise Refused(404, "EntryNotFound")
            listed = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": folder} for folder in sorted(folders)]
            return _json(listed + [_entry(path, data) for path, data in sorted(inside.items())])
        if verb == "paths-info":
            asked = parse_qs(body.decode()).get("paths", []) if not body.startswith(b"{") else json.loads(body)["paths"]
            files = self._revision(name, revision).files
            return _json([_entry(path, files[path]) for path in asked if path in files])
        if verb == "discussions":
            author = {"name": USER, "type": "user", "fullname": USER, "avatarUrl": "", "isPro": False, "isHf": False}
            rows = [
                {"num": number, "title": title, "author": author, "createdAt": "2026-01-01T00:00:00.000Z", "status": "open",
                 "repo": {"name": name, "type": "dataset"}, "isPullRequest": True}
                for number, title in dataset.pulls.items()
            ]  # fmt: skip
            return _json({"discussions": rows, "count": len(rows), "start": 0})
        raise Refused(404, "EntryNotFound", f"{method} {verb}")

    def _create(self, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        name = f"{body.get('organization') or USER}/{body['name']}"
        if not name.startswith(f"{USER}/"):
            raise Refused(403, "", "You don't have the rights to create a dataset under this namespace")
        if name in self.datasets:
            raise Refused(409, "", "You already created this dataset repo")
        private = body.get("visibility") == "private" or body.get("private") is True
        self.datasets[name] = Dataset(
            private, {"main": [Revision(_name(name, uuid.uuid4().hex), {".gitattributes": b"*.parquet filter=lfs\n"}, "initial commit")]}
        )
        return _json({"url": f"{self.url}/datasets/{name}", "name": name, "id": name})

    def _dataset(self, name: str) -> Dataset:
        if name not in self.datasets:
            raise Refused(404, "RepoNotFound", "Repository not found")
        return self.datasets[name]

    def _revision(self, name: str, revision: str) -> Revision:
        branches = self._dataset(name).branches
        if revision in branches:
            return branches[revision][-1]
        for commits in branches.values():
            for commit in commits:
                if commit.oid == revision:
                    return commit
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def _object(self, entry: dict[str, Any]) -> dict[str, Any]:
        upload = {} if entry["oid"] in self.blobs else {"actions": {"upload": {"href": f"{self.url}/_blobs/{entry['oid']}"}}}
        return {"oid": entry["oid"], "size": entry["size"], **upload}

    def _commit(self, name: str, revision: str, opens: bool, body: bytes) -> tuple[int, dict[str, str], bytes]:
        dataset, parent = self._dataset(name), self._revision(name, revision)
        files, title = dict(parent.files), ""
        for line in filter(None, body.split(b"\n")):
            step = json.loads(line)
            kind, value = step["key"], step["value"]
            if kind == "header":
                title = value["summary"]
                if value.get("parentCommit") not in (None, parent.oid):
                    raise Refused(412, "Conflict", "A commit has happened since. Please refresh and try again.")
            elif kind == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                files[value["path"]] = self.blobs[value["oid"]]
            elif kind == "deletedFile":
                del files[value["path"]]
            else:
                raise Refused(400, "BadRequest", kind)
        made = Revision(_name(parent.oid, uuid.uuid4().hex), files, title)
        pull = None
        if opens:
            number = len(dataset.pulls) + 1
            dataset.pulls[number], dataset.branches[f"refs/pr/{number}"] = title, [parent, made]
            pull = f"{self.url}/datasets/{name}/discussions/{number}"
        else:
            dataset.branches[revision].append(made)
        url = f"{self.url}/datasets/{name}/commit/{made.oid}"
        return _json({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": "", "pullRequestUrl": pull})

    def _resolve(self, name: str, revision: str, path: str) -> tuple[int, dict[str, str], bytes]:
        found = self._revision(name, revision)
        if path not in found.files:
            raise Refused(404, "EntryNotFound", "Entry not found")
        data = found.files[path]
        return 200, {"X-Repo-Commit": found.oid, "ETag": f'"{_oid(path, data)}"', "Content-Type": "application/octet-stream"}, data


def _json(content: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _name(*parts: str) -> str:
    return hashlib.sha1("\0".join(parts).encode()).hexdigest()


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _oid(path: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if LARGE.search(path) else _git(data)


def _entry(path: str, data: bytes) -> dict[str, Any]:
    large = {"lfs": {"oid": _oid(path, data), "size": len(data), "pointerSize": 130}} if LARGE.search(path) else {}
    return {"type": "file", "path": path, "size": len(data), "oid": _git(data), **large}


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def log_message(self, *args: object) -> None:
            pass

        def serve(self) -> None:
            url = urlsplit(self.path)
            name = f"{self.command} {url.path}"
            with hub.lock:
                hub.requests.append(f"{self.command} {self.path}")
                fault = self._fault(name)
                if len(hub.requests) > MOST_REQUESTS:
                    fault = Fault("", 418, {}, 1, 0, True, None)
            if fault is not None and fault.before:
                fault.before()
            if fault is not None and fault.cut:
                self.rfile.read(min(1000, int(self.headers.get("Content-Length") or 0)))
                self.connection.close()
                self.close_connection = True
                return
            body = self._body()
            with hub.lock:
                hub.received += len(body)
                status, headers, content = self._answer(fault, url.path, parse_qs(url.query), body)
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _fault(self, name: str) -> Fault | None:
            for fault in hub.faults:
                if re.match(fault.pattern, name) and fault.times:
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
            return None

        def _answer(self, fault: Fault | None, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, dict[str, str], bytes]:
            if fault is not None and fault.status:
                return fault.status, fault.headers, b'{"error": "on purpose"}'
            given = self.headers.get("Authorization")
            if given not in (None, f"Bearer {TOKEN}"):
                return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b'{"error": "Invalid user token."}'
            try:
                if given is None and (self.command == "POST" or path == "/api/whoami-v2"):
                    raise Refused(401, "", "Invalid username or password.")
                return hub.answer(self.command, path, query, body)
            except Refused as error:
                return error.status, error.headers, json.dumps({"error": str(error)}).encode()

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        do_GET = do_HEAD = do_POST = do_PUT = serve

    return Handler


@contextmanager
def serve_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
