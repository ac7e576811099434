"""Client secrets in HTTP Basic, encoded and raw (RFC 6749 §2.3.1)."""

import json
from urllib.parse import quote_plus

import httpx
import pytest
from applications import ISSUER, hashed

SECRET = "a+secret%41with/both==and more of it"
ROBOT = {
    "client_id": "robot",
    "name": "Robot",
    "secret_sha256": hashed(SECRET),
    "grant_types": ["client_credentials"],
    "scopes": ["orders:read"],
}
SERVER_SETTINGS = {"AUTH_CLIENTS": json.dumps([ROBOT]), "AUTH_ISSUER": ISSUER}


@pytest.mark.parametrize(
    ("sent", "status"),
    [(quote_plus(SECRET), 200), (SECRET, 200), (quote_plus(quote_plus(SECRET)), 401), ("", 401)],
    ids=["encoded", "raw", "encoded twice", "none"],
)
def test_a_secret_with_reserved_characters_works_encoded_and_raw(
    client: httpx.Client, sent: str, status: int
) -> None:
    answer = client.post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=("robot", sent)
    )

    assert answer.status_code == status
