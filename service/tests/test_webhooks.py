"""Webhooks, received as the reference implementation of Standard Webhooks receives them."""

import base64
import json
import queue
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from auth.clients import endpoints
from auth.clients.endpoints import EndpointsError
from conftest import NewUrl
from running import Server, answering
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from users import PASSWORD, User

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
FORMER = f"whsec_{base64.b64encode(bytes(24)).decode()}"
_SECONDS = 20


class Receiver:
    """A service of the same team: it stores each request, and answers as it is set.

    A redirect leads to the same server, where it would be seen as a second request.
    """

    def __init__(self) -> None:
        self.requests: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.put((body, headers))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/accounts"

    def message(self, seconds: float = _SECONDS) -> dict[str, Any]:
        """Return the next message, verified, with its id."""
        body, headers = self.requests.get(timeout=max(0.01, seconds))
        message = Webhook(SECRET).verify(body, headers)
        return {**message, "id": headers["webhook-id"], "headers": headers, "body": body}

    def next(self, kind: str) -> dict[str, Any]:
        """Return the next message of a kind, and drop those before it."""
        deadline = time.monotonic() + _SECONDS
        while (message := self.message(deadline - time.monotonic()))["type"] != kind:
            pass
        return message


@pytest.fixture(scope="module", name="receiver")
def _receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with answering(receiver.server):
        yield receiver


@pytest.fixture(scope="module", name="server")
def _server(
    tmp_path_factory: pytest.TempPathFactory, key: str, new_url: NewUrl, receiver: Receiver
) -> Iterator[Server]:
    """Yield a server with an endpoint for all messages, and one that learns of deletions alone."""
    folder = tmp_path_factory.mktemp("data")
    configured = [
        {"name": "shop", "url": receiver.url, "secrets": [SECRET, FORMER]},
        # nothing listens there
        {
            "name": "away",
            "url": "http://127.0.0.1:9/",
            "secrets": [SECRET],
            "events": ["user.deleted"],
        },
    ]
    settings = {"AUTH_WEBHOOKS": json.dumps(configured), "AUTH_LOCKOUT_AFTER": "1"}
    server = Server(data=folder, key=key, database=new_url(folder), settings=settings)
    server.start()
    yield server
    server.stop()


def made_administrator(server: Server, client: httpx.Client) -> User:
    server.command("create-admin", "root@example.test", "--password-stdin", stdin=PASSWORD)
    root = User(client, "root@example.test")
    root.sign_in()
    return root


def test_the_life_of_an_account_is_announced(
    server: Server, client: httpx.Client, receiver: Receiver
) -> None:
    user = User.registered(client)
    created = receiver.next("user.created")
    user.prove_address()
    user.sign_in()
    identity, former = user.id, user.email
    assert created["data"] == {"id": identity, "email": former}

    user.email = f"new-{former}"
    client.patch("/v1/me", headers=user.bearer, json={"email": user.email})
    body = {"token": user.token_mailed("Confirm your new e-mail address"), "password": PASSWORD}
    assert client.post("/v1/auth/verify-email", json=body).status_code == 204
    assert receiver.next("user.email_changed")["data"] == {
        "id": identity,
        "email": user.email,
        "previous_email": former,
    }

    root = made_administrator(server, client)
    # each act waits for the message of the one before: two are sent at once, in any order
    for act, kind in (("disable", "user.disabled"), ("enable", "user.enabled")):
        for _ in range(2):
            assert root.post(f"/v1/admin/users/{identity}/{act}").is_success
        message = receiver.message()
        assert (message["type"], message["data"]["id"]) == (kind, identity)
    time.sleep(2)
    assert receiver.requests.empty(), "an act that changes nothing is a message"

    user.sign_in()
    client.delete("/v1/me", headers=user.bearer)
    assert receiver.next("user.deleted")["data"] == {"id": identity}


def test_a_signature_counts_for_each_secret_and_for_this_very_body(
    client: httpx.Client, receiver: Receiver
) -> None:
    User.registered(client)
    message = receiver.next("user.created")

    assert Webhook(FORMER).verify(message["body"], message["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(message["body"].replace(b"example", b"example2"), message["headers"])


def test_the_lock_of_an_account_for_everybody_is_announced_once(
    client: httpx.Client, receiver: Receiver, server: Server
) -> None:
    user = User.registered(client)
    wrong = {"email": user.email, "password": "wrong horse battery staple"}
    for _ in range(7):
        server.execute("UPDATE lockouts SET locked_until = 0")
        client.post("/v1/auth/login", json=wrong)

    assert receiver.next("user.locked")["data"] == {
        "id": message_id(server, user),
        "email": user.email,
        "reason": "password",
    }
    time.sleep(2)
    kinds = [
        json.loads(receiver.requests.get()[0])["type"] for _ in range(receiver.requests.qsize())
    ]
    assert "user.locked" not in kinds, "each further failure is a message"


def message_id(server: Server, user: User) -> str:
    from sqlalchemy import text  # noqa: PLC0415

    with server.connected() as connection:
        query = text("SELECT id FROM accounts WHERE email = :email")
        return str(connection.execute(query, {"email": user.email}).scalar())


def test_a_taken_address_is_not_announced(client: httpx.Client, receiver: Receiver) -> None:
    user = User.registered(client)
    receiver.next("user.created")

    client.post("/v1/auth/register", json=user.credentials)
    time.sleep(2)

    assert receiver.requests.empty()


@pytest.mark.parametrize("status", [500, 400, 302])
def test_a_message_that_was_not_taken_comes_again_with_the_same_id(
    client: httpx.Client, receiver: Receiver, server: Server, status: int
) -> None:
    receiver.answers.append(status)
    User.registered(client)
    first = receiver.next("user.created")
    assert receiver.requests.empty(), "a redirect was followed"

    server.execute("UPDATE webhook_messages SET next_try_at = 0 WHERE endpoint = 'shop'")
    second = receiver.next("user.created")

    assert (first["id"], first["body"]) == (second["id"], second["body"])
    wait_until_only(server, "away")


@pytest.mark.parametrize(("status", "attempts"), [(410, 0), (500, 79)])
def test_a_message_that_nobody_takes_ends_as_an_event(
    client: httpx.Client, receiver: Receiver, server: Server, status: int, attempts: int
) -> None:
    receiver.answers += [500, status]
    User.registered(client)
    receiver.next("user.created")
    server.execute(
        f"UPDATE webhook_messages SET attempts = {attempts}, next_try_at = 0 "  # noqa: S608
        "WHERE endpoint = 'shop'"
    )
    lost = receiver.next("user.created")

    wait_until_only(server, "away")
    with httpx.Client(base_url=server.url) as root_client:
        root = made_administrator(server, root_client)
        events = root.get("/v1/admin/audit-events?event=webhook.failed").json()["events"]
    assert events[0]["detail"] == {
        "endpoint": "shop",
        "type": "user.created",
        "message": lost["id"],
        "status": str(status),
    }
    metrics = client.get("/metrics").text
    assert 'auth_webhook_messages_total{outcome="failed"}' in metrics


def wait_until_only(server: Server, endpoint: str) -> None:
    """Wait until there are no messages but those of an endpoint."""
    from sqlalchemy import text  # noqa: PLC0415

    deadline = time.monotonic() + _SECONDS
    while True:
        with server.connected() as connection:
            query = text("SELECT count(*) FROM webhook_messages WHERE endpoint <> :endpoint")
            if not connection.execute(query, {"endpoint": endpoint}).scalar():
                return
        assert time.monotonic() < deadline, "a message is left"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"url": "http://shop.example.org/"}, "url"),
        ({"url": "ftp://shop.example.org/"}, "url"),
        ({"url": "https://user:pass@shop.example.org/"}, "url"),
        ({"secrets": []}, "secrets"),
        ({"secrets": ["whsec_c2hvcnQ="]}, "secrets"),
        ({"secrets": [SECRET.removeprefix("whsec_")]}, "secrets"),
        ({"events": ["user.exploded"]}, "events"),
        ({"name": "Shop 1"}, "name"),
        ({"more": 1}, "more"),
    ],
)
def test_an_endpoint_that_can_not_be_used_is_refused_without_its_secret(
    changed: dict[str, Any], named: str
) -> None:
    entry = {"name": "shop", "url": "https://shop.example.org/", "secrets": [SECRET], **changed}

    with pytest.raises(EndpointsError, match=named) as refused:
        endpoints.read(json.dumps([entry]))

    assert "AAEC" not in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


def test_two_endpoints_have_two_names() -> None:
    entry = {"name": "shop", "url": "https://shop.example.org/", "secrets": [SECRET]}

    with pytest.raises(EndpointsError, match="same name"):
        endpoints.read(json.dumps([entry, entry]))
