"""Several replicas on one database: whatever begins at one goes on, and ends, at any other."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import replicas as running_replicas
from applications import CALLBACK, ISSUER, SECRET, Browser, Flow, hashed, redirect_parameters
from auth.crypto import sealing
from auth.crypto.sealing import Sealer
from auth.storage import schema
from auth.storage.backends import connect
from auth.storage.database import Database
from databases import Postgres
from replicas import at_once
from running import NO_TLS, Server, answering
from second_factor_users import SecondFactorUser
from test_device_flow import GRANT, poll
from test_device_flow import begin as begin_device
from test_pushed_requests import opened, push
from users import User

# seconds in which a replica learns of a key; half a minute with the usual AUTH_SIGNING_KEY_PUBLISH…
_LEARNS_SECONDS = 10
_SECONDS = 20


class Receiver:
    """An address of webhooks and of logout tokens; it stores the path and the body of each."""

    def __init__(self) -> None:
        self.requests: queue.Queue[tuple[str, bytes]] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.put((self.path, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def received(self, path: str, count: int) -> list[bytes]:
        """Return what came to a path until `count` came, and for two seconds more."""
        bodies: list[bytes] = []
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            try:
                came, body = self.requests.get(timeout=0.1)
            except queue.Empty:
                continue
            if came == path:
                bodies.append(body)
                if len(bodies) == count:
                    deadline = time.monotonic() + 2
        return bodies


@pytest.fixture(scope="module", name="receiver")
def _receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with answering(receiver.server):
        yield receiver


@pytest.fixture(scope="module", name="replicas")
def _replicas(
    tmp_path_factory: pytest.TempPathFactory, key: str, postgres: Postgres, receiver: Receiver
) -> Iterator[list[Server]]:
    clients = [
        {
            "client_id": "app",
            "name": "The App",
            "first_party": True,
            "secret_sha256": hashed(SECRET),
            "redirect_uris": [CALLBACK],
            "backchannel_logout_uri": f"{receiver.url}/logged-out",
        },
        {
            "client_id": "tv",
            "name": "Television",
            "public": True,
            "grant_types": [GRANT, "refresh_token"],
        },
    ]
    webhook = {
        "name": "shop",
        "url": f"{receiver.url}/accounts",
        "secrets": ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="],
        "events": ["user.created"],
    }
    settings = {
        "AUTH_ISSUER": ISSUER,
        "AUTH_CLIENTS": json.dumps(clients),
        "AUTH_WEBHOOKS": json.dumps([webhook]),
        "AUTH_REFRESH_GRACE_SECONDS": "0",
        "AUTH_SIGNING_KEY_PUBLISH_SECONDS": "3",
    }
    folder = tmp_path_factory.mktemp("replicas")
    with running_replicas.running(folder, key, postgres.new_database(), settings) as replicas:
        yield replicas


@pytest.fixture(name="client")
def _client(replicas: list[Server]) -> Iterator[httpx.Client]:
    with running_replicas.client_of(replicas) as client:
        yield client


@pytest.fixture(name="browser")
def _browser(replicas: list[Server]) -> Iterator[Browser]:
    with running_replicas.browser_of(replicas) as browser:
        yield browser


def everywhere(replicas: list[Server], path: str, user: User) -> list[int]:
    """Return the status of an answer of every replica, at once after each other."""
    return [
        httpx.get(
            f"{replica.url}{path}", headers=user.bearer, timeout=30, verify=NO_TLS
        ).status_code
        for replica in replicas
    ]


def published(replicas: list[Server]) -> list[set[str]]:
    """Return the ids of the keys that each replica publishes."""
    answers = [
        httpx.get(f"{replica.url}/.well-known/jwks.json", verify=NO_TLS) for replica in replicas
    ]
    return [{key["kid"] for key in answer.json()["keys"]} for answer in answers]


def test_replicas_that_began_at_once_on_an_empty_database_have_the_same_keys(
    replicas: list[Server],
) -> None:
    kids = published(replicas)

    assert kids[0]
    assert kids == [kids[0]] * len(replicas)


def test_processes_that_open_an_empty_database_at_once_seal_with_one_key(
    postgres: Postgres,
) -> None:
    url, count = postgres.new_database(), 6
    databases = [connect(url) for _ in range(count)]
    schema.migrate(databases[0])
    together = threading.Barrier(count)

    def seal(database: Database) -> Sealer:
        database.write_now(schema.state)
        together.wait(timeout=10)
        return database.write_now(sealing.unlock, ["the secret"])

    with ThreadPoolExecutor(count) as pool:
        sealers = list(pool.map(seal, databases))
    for database in databases:
        database.close()

    sealed = sealers[0].seal(b"of all", "x")
    assert [sealer.open(sealed, "x") for sealer in sealers] == [b"of all"] * count


def test_a_session_of_one_replica_is_refreshed_at_the_next_and_ended_at_a_third(
    replicas: list[Server], client: httpx.Client
) -> None:
    ada = User.signed_in(client)
    assert everywhere(replicas, "/v1/me", ada) == [200] * 3

    ada.tokens = ada.refresh().json()
    assert everywhere(replicas, "/v1/me", ada) == [200] * 3

    assert ada.post("/v1/auth/logout").status_code == 204
    assert everywhere(replicas, "/v1/me", ada) == [401] * 3
    assert ada.refresh().status_code == 401


def test_a_refresh_token_that_comes_to_every_replica_at_once_works_at_one_and_ends_the_session(
    replicas: list[Server], client: httpx.Client
) -> None:
    ada = User.signed_in(client)
    token = {"refresh_token": ada.tokens["refresh_token"]}

    assert at_once(replicas, "/v1/auth/refresh", json=token) == [200, 401, 401]
    assert everywhere(replicas, "/v1/me", ada) == [401] * 3, "a used token is a theft"


def test_an_account_that_is_deleted_at_one_replica_is_gone_at_every_other(
    replicas: list[Server], client: httpx.Client
) -> None:
    ada = User.signed_in(client)
    body = {"password": ada.password}

    gone = client.request("DELETE", "/v1/me", headers=ada.bearer, json=body)

    assert gone.status_code == 204, gone.text
    assert everywhere(replicas, "/v1/me", ada) == [401] * 3
    assert not ada.can_sign_in()


def test_a_sign_in_on_the_pages_leads_through_every_replica_to_tokens(
    client: httpx.Client, browser: Browser
) -> None:
    ada, flow = User.registered(client), Flow()
    # a form of one replica, with its CSRF token, is sent to the next
    back = browser.submit(
        browser.open(opened(push(client, flow))), email=ada.email, password=ada.password
    )
    code = redirect_parameters(back)["code"]

    tokens = flow.redeem(client, code)

    assert tokens.status_code == 200, tokens.text
    assert browser.is_signed_in


def test_a_code_that_comes_to_every_replica_at_once_is_redeemed_once(
    replicas: list[Server], client: httpx.Client, browser: Browser
) -> None:
    flow = Flow()
    browser.sign_in(User.registered(client))
    form = {
        "grant_type": "authorization_code",
        "code": flow.code(browser),
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow.verifier,
        "client_id": flow.client_id,
        "client_secret": SECRET,
    }

    assert at_once(replicas, "/oauth2/token", data=form) == [200, 400, 400]


def test_a_device_is_allowed_at_another_replica_than_it_asks(
    client: httpx.Client, browser: Browser
) -> None:
    browser.sign_in(User.registered(client))
    begun = begin_device(client)

    asked = browser.submit(browser.open("/device"), user_code=begun["user_code"])
    browser.submit(asked, decision="allow")

    assert poll(client, begun).status_code == 200


def test_a_second_factor_answers_at_any_replica_and_its_code_works_at_one(
    replicas: list[Server], client: httpx.Client
) -> None:
    ada = SecondFactorUser.enrolled(client)
    challenges = [ada.challenge() for _ in replicas]
    code = ada.code()

    statuses = [ada.answer(challenge, code=code).status_code for challenge in challenges]

    assert statuses == [200, 401, 401]


def test_a_key_that_signs_at_once_is_good_at_every_replica_and_a_revoked_one_soon_at_none(
    replicas: list[Server], client: httpx.Client
) -> None:
    ada, late = User.signed_in(client), User.signed_in(client)
    before = published(replicas)[0]

    assert replicas[0].command("rotate-keys", "--now").returncode == 0
    wait_until(lambda: all(kids > before for kids in published(replicas)))
    ada.sign_in()
    assert everywhere(replicas, "/v1/me", ada) == [200] * 3
    assert everywhere(replicas, "/v1/me", late) == [200] * 3, "the key before verifies still"

    assert replicas[0].command("rotate-keys", "--revoke").returncode == 0
    wait_until(lambda: everywhere(replicas, "/v1/me", late) == [401] * 3)


def test_webhooks_of_all_replicas_are_sent_once(client: httpx.Client, receiver: Receiver) -> None:
    users = [User.registered(client).email for _ in range(20)]

    messages = [json.loads(body) for body in receiver.received("/accounts", len(users))]

    sent = [message["data"]["email"] for message in messages]
    assert sorted(email for email in sent if email in users) == sorted(users)


def test_the_end_of_a_session_is_told_to_its_application_once(
    client: httpx.Client, browser: Browser, receiver: Receiver
) -> None:
    ada = User.registered(client)
    browser.sign_in(ada)
    Flow().tokens(client, browser)
    ada.sign_in()

    assert ada.post("/v1/auth/logout-all").status_code == 204

    assert len(receiver.received("/logged-out", 1)) == 1


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LEARNS_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "not within the time in which replicas learn of keys"
        time.sleep(0.1)
