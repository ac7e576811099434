"""GitHub's API on a local port, as far as the review uses it: real HTTP, a small memory."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

BOT = {"login": "github-actions[bot]", "type": "Bot"}
APP = {"slug": "github-actions"}
TOKEN = "ghs_localtokenlocaltoken"
REPOSITORY = "acme/auth"


class GitHub:
    """What the server remembers, open to the tests; `requests` are method and path."""

    def __init__(self) -> None:
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.labels: dict[int, list[str]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.pulls_of_commit: dict[str, list[int]] = {}
        self.branches: dict[str, str] = {}  # to their newest commits
        self.trees: dict[str, list[dict[str, Any]]] = {}
        self.commits: list[dict[str, Any]] = []  # each with the entries of its tree
        self.events: dict[int, list[dict[str, Any]]] = {}
        self.permissions: dict[str, str] = {}  # of people, by login
        self.check_runs: list[dict[str, Any]] = []
        self.fixed: dict[str, Any] = {}  # path in the API to its answer
        self.requests: list[tuple[str, str]] = []
        self.unauthorized = 0
        self.page_size = 2  # small, so that each list that matters has pages
        self.ids = iter(range(1, 10_000))
        self.url = ""

    def comment(self, number: int, body: str, login: str = BOT["login"]) -> dict[str, Any]:
        comment = {"id": next(self.ids), "body": body, "user": {"login": login}}
        self.comments.setdefault(number, []).append(comment)
        return comment

    def label(
        self, number: int, name: str, *, by: str, permission: str = "write", kind: str = "User"
    ) -> None:
        """Let somebody set a label, as GitHub remembers it."""
        self.labels.setdefault(number, []).append(name)
        self.permissions[by] = permission
        self._event(number, "labeled", name, {"login": by, "type": kind})

    def unlabel(self, number: int, name: str, *, by: str) -> None:
        self.labels[number].remove(name)
        self._event(number, "unlabeled", name, {"login": by, "type": "User"})

    def _event(self, number: int, event: str, label: str, actor: dict[str, Any]) -> None:
        found = {"id": next(self.ids), "event": event, "label": {"name": label}, "actor": actor}
        self.events.setdefault(number, []).append(found)

    def check_run(self, body: dict[str, Any], app: dict[str, str] = APP) -> dict[str, Any]:
        """Keep a check run of an app: GitHub refuses it from anybody but an app."""
        run = {"id": next(self.ids), "app": app, **body}
        self.check_runs.append(run)
        return run

    def page(self, answer: Any, number: int, name: str) -> tuple[Any, bool]:
        """Cut a page out of a list (in a wrapper for check runs); return if more follow."""
        if isinstance(answer, dict) and "check_runs" in answer:
            runs = [run for run in answer["check_runs"] if name in {"", run["name"]}]
            cut, more = self.page(runs, number, "")
            return {"total_count": len(runs), "check_runs": cut}, more
        if not isinstance(answer, list):
            return answer, False
        end = number * self.page_size
        return answer[end - self.page_size : end], end < len(answer)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        local = path.removeprefix(f"/repos/{REPOSITORY}/")
        if method == "GET" and path in self.fixed:
            return 200, self.fixed[path]
        for pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, f"{method} {local}")
            if match:
                answer = handle(self, match, body)
                return (404, {"message": "Not Found"}) if answer is None else (200, answer)
        if method == "DELETE" and "/packages/" in path:
            return 204, None
        return 404, {"message": "Not Found"}


def _edit(github: GitHub, match: re.Match[str], body: dict[str, Any]) -> Any:
    for comments in github.comments.values():
        for comment in comments:
            if comment["id"] == int(match[1]):
                comment.update(body)
                return comment
    raise AssertionError(f"no comment {match[1]}")


def _open(github: GitHub, _: re.Match[str], body: dict[str, Any]) -> Any:
    labels = [{"name": name} for name in body["labels"]]
    number = len(github.issues) + 1
    issue = {**body, "number": number, "state": "open", "user": BOT, "labels": labels}
    github.issues.append(issue)
    return issue


def _edit_issue(github: GitHub, match: re.Match[str], body: dict[str, Any]) -> Any:
    issue = github.issues[int(match[1]) - 1]
    issue |= body
    return issue


def _permission(github: GitHub, match: re.Match[str], _: dict[str, Any]) -> Any:
    permission = github.permissions.get(match[1])
    return permission and {"permission": permission, "user": {"login": match[1]}}


def _branch(github: GitHub, match: re.Match[str], _: dict[str, Any]) -> Any:
    head = github.branches.get(unquote(match[1]))
    return head and {"name": match[1], "commit": {"sha": head}}


def _commit(github: GitHub, _: re.Match[str], body: dict[str, Any]) -> Any:
    tree = github.trees[body["tree"]]
    github.commits.append({**body, "tree": tree})
    return {"sha": f"commit-{len(github.commits)}"}


def _tree(github: GitHub, _: re.Match[str], body: dict[str, Any]) -> Any:
    sha = f"tree-{next(github.ids)}"
    github.trees[sha] = body["tree"]
    return {"sha": sha}


def _ref(github: GitHub, _: re.Match[str], body: dict[str, Any]) -> Any:
    branch = body["ref"].removeprefix("refs/heads/")
    assert branch not in github.branches, "GitHub answers 422"
    github.branches[branch] = body["sha"]
    return body


def _contents(github: GitHub, match: re.Match[str], query: dict[str, Any]) -> Any:
    number = int(github.branches[query["ref"]].removeprefix("commit-"))
    contents = {entry["path"]: entry["content"] for entry in github.commits[number - 1]["tree"]}
    content = contents.get(match[1])
    # in lines, as GitHub has it
    return content and {"content": base64.encodebytes(content.encode()).decode()}


def _check_runs(github: GitHub, match: re.Match[str], _: dict[str, Any]) -> Any:
    return {"check_runs": [run for run in github.check_runs if run["head_sha"] == match[1]]}


_ROUTES: list[tuple[str, Any]] = [
    (r"GET issues/(\d+)/comments", lambda g, m, _: g.comments.get(int(m[1]), [])),
    (r"POST issues/(\d+)/comments", lambda g, m, body: g.comment(int(m[1]), body["body"])),
    (r"PATCH issues/comments/(\d+)", _edit),
    (
        r"GET issues/(\d+)/labels",
        lambda g, m, _: [{"name": n} for n in g.labels.get(int(m[1]), [])],
    ),
    (r"GET issues/(\d+)/events", lambda g, m, _: g.events.get(int(m[1]), [])),
    (r"GET collaborators/([^/]+)/permission", _permission),
    (r"GET branches/(.+)", _branch),
    (r"GET contents/(.+)", _contents),
    (r"POST git/trees", _tree),
    (r"POST git/commits", _commit),
    (r"POST git/refs", _ref),
    (r"POST check-runs", lambda g, _, body: g.check_run(body)),
    (r"GET commits/(\w+)/check-runs", _check_runs),
    (r"GET issues", lambda g, *_: [i for i in g.issues if i["state"] == "open"]),
    (r"POST issues", _open),
    (r"PATCH issues/(\d+)", _edit_issue),
    (
        r"GET commits/(\w+)/pulls",
        lambda g, m, _: [g.pulls[number] for number in g.pulls_of_commit.get(m[1], [])],
    ),
]


@contextmanager
def served() -> Iterator[GitHub]:
    """Serve until the block ends."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            github.requests.append((self.command, parts.path))
            # the registry takes the same token, but in another form
            token = base64.b64encode(TOKEN.encode()).decode() if "/v2/" in parts.path else TOKEN
            if self.headers.get("Authorization") != f"Bearer {token}":
                github.unauthorized += 1
                self._send(401, {"message": "Bad credentials"}, "")
                return
            query = parse_qs(parts.query)
            sent = body or {name: values[0] for name, values in query.items()}
            status, answer = github.answer(self.command, parts.path, sent)
            link = ""
            if self.command == "GET":
                page = int(query.get("page", ["1"])[0])
                answer, more = github.page(answer, page, query.get("check_name", [""])[0])
                if more:
                    query["page"] = [str(page + 1)]
                    again = urlencode(query, doseq=True)
                    link = f'<{github.url}{parts.path}?{again}>; rel="next"'
            self._send(status, answer, link)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815

        def _send(self, status: int, answer: Any, link: str) -> None:
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            if link:
                self.send_header("Link", link)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing: pytest shows the failures."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        github.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
