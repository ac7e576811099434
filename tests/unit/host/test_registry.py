"""The look at the registry, against a server on loopback that answers as registries do."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from host.auth_release import registry
from host.auth_release.desired import Desired
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import document

DIGEST = f"sha256:{'a' * 64}"
MANIFEST = f"/v2/acme/auth/manifests/{DIGEST}"
IMAGE = {"config": {"digest": "sha256:c"}, "layers": [{"size": 1000}, {"size": 24}]}
CONFIG = {"architecture": "arm64"}
LOGIN = "Basic " + base64.b64encode(b"acme:hunter2").decode()


@dataclass
class Served:
    """The content of a registry, its logins, and the requests that it got."""

    documents: dict[str, Any]
    authorization: str = LOGIN
    challenge: str = 'Basic realm="here"'
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        self.requests.append((path, authorization))
        if path.startswith("/token"):
            return (200, {"token": "t"}) if authorization == LOGIN else (401, {})
        if authorization != self.authorization:
            return 401, {}
        if path not in self.documents:
            return 404, {}
        return 200, self.documents[path]


@pytest.fixture
def served() -> Iterator[Served]:
    holder = Served({MANIFEST: IMAGE, "/v2/acme/auth/blobs/sha256:c": CONFIG})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = holder.answer(self.path, self.headers.get("Authorization", ""))
            if isinstance(body, str):
                self.send_response(307)
                self.send_header("Location", body)
                self.end_headers()
                return
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", holder.challenge)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    holder.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield holder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def wanted(served: Served) -> Desired:
    return Desired.parse(json.dumps(document(image=f"{served.address}/acme/auth@{DIGEST}")))


def test_size_and_architecture_are_known_before_the_image_is_here(wanted: Desired) -> None:
    offer = registry.look_up(wanted)

    assert offer.size == 1024
    assert offer.architectures == {"arm64"}
    assert abs(offer.clock) < 60


def test_an_image_for_several_platforms_names_them(served: Served, wanted: Desired) -> None:
    served.documents[MANIFEST] = {
        "manifests": [{"platform": {"architecture": name}} for name in ("amd64", "arm64")]
    }

    assert registry.look_up(wanted).architectures == {"amd64", "arm64"}


@pytest.mark.parametrize("body", [[], {"errors": []}, {"config": "x", "layers": None}])
def test_an_answer_without_a_manifest_is_refused(
    served: Served, wanted: Desired, body: Any
) -> None:
    served.documents[MANIFEST] = body

    with pytest.raises(ReleaseError, match="does not answer with an image's manifest"):
        registry.look_up(wanted)


def test_a_registry_with_tokens_is_asked_for_one(served: Served, wanted: Desired) -> None:
    served.authorization = "Bearer t"
    served.challenge = f'Bearer realm="http://{served.address}/token",service="reg",scope="x"'

    registry.look_up(wanted)

    asked = [path for path, _ in served.requests if path.startswith("/token")]
    assert asked == ["/token?service=reg&scope=repository%3Aacme%2Fauth%3Apull"]


def test_where_a_registry_leads_on_to_the_login_does_not_go(
    served: Served, wanted: Desired
) -> None:
    served.documents["/v2/acme/auth/blobs/sha256:c"] = f"http://{served.address}/store"
    served.documents["/store"] = CONFIG

    with pytest.raises(ReleaseError):
        registry.look_up(wanted)

    assert [login for path, login in served.requests if path == "/store"] == [""]


def refuse_login(served: Served) -> None:
    served.authorization = "nobody's"


def delete_image(served: Served) -> None:
    served.documents.clear()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            refuse_login,
            r"refuses the login of 'acme' \(HTTP 401\)\. Is auth:registryPullPassword still",
        ),
        (delete_image, f"has no image acme/auth@{DIGEST}: was it deleted there"),
    ],
)
def test_a_refusal_says_what_to_check_and_no_secret(
    served: Served, wanted: Desired, change: Callable[[Served], None], reason: str
) -> None:
    change(served)

    with pytest.raises(ReleaseError, match=reason) as caught:
        registry.look_up(wanted)
    assert "hunter2" not in str(caught.value)


def test_a_registry_that_is_away_is_named() -> None:
    away = Desired.parse(json.dumps(document(image=f"127.0.0.1:9/acme/auth@{DIGEST}")))

    with pytest.raises(ReleaseError, match=r"the registry 127\.0\.0\.1:9 can't be reached"):
        registry.look_up(away)


@pytest.mark.parametrize(
    ("server", "scheme"),
    [
        ("ghcr.io", "https"),
        ("127.1.2.3:5000", "http"),
        ("localhost:5000", "http"),
        ("10.0.0.1", "https"),
    ],
)
def test_only_a_registry_on_loopback_may_be_unencrypted(server: str, scheme: str) -> None:
    assert registry._scheme(server) == scheme


def test_the_login_is_not_sent_to_a_place_that_does_not_encrypt(served: Served) -> None:
    # a registry on a network, whose answer names a token server without https
    client = registry._Client(
        Desired.parse(json.dumps(document(image=f"registry.test/acme/auth@{DIGEST}")))
    )

    with pytest.raises(ReleaseError, match=r"which is not encrypted$"):
        client._authorize(f'Bearer realm="http://{served.address}/token"')
    assert served.requests == [], "the login was sent all the same"
