import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import oci
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.localcloud.caller import Caller, refused


def list_vcns(caller: Caller, **config: str) -> Any:
    return caller.client(oci.core.VirtualNetworkClient, **config).list_vcns(caller.compartment)


def test_another_key_is_refused(caller: Caller, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "key.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    refused(401, "NotAuthenticated", list_vcns, caller, key_file=str(file))


@pytest.mark.parametrize(
    "config",
    [
        {"fingerprint": "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"},
        {"user": "ocid1.user.oc1.." + "a" * 60},
        {"tenancy": "ocid1.tenancy.oc1.." + "a" * 60},
    ],
)
def test_an_unknown_key_id_is_refused(caller: Caller, config: dict[str, str]) -> None:
    refused(401, "NotAuthenticated", list_vcns, caller, **config)


@pytest.fixture
def http(caller: Caller) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=caller.home.endpoint, trust_env=False) as client:
        yield client


def signed(
    caller: Caller,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    at: datetime | None = None,
    leave_out: str = "",
) -> dict[str, str]:
    """Sign an invalid request by hand: the SDK would not."""
    headers = {
        "date": format_datetime(at or datetime.now(UTC), usegmt=True),
        "host": caller.home.endpoint.removeprefix("http://"),
    }
    if method == "POST":
        headers |= {
            "content-length": str(len(body)),
            "content-type": "application/json",
            "x-content-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
        }
    lines = {"(request-target)": f"{method.lower()} {target}", **headers}
    lines.pop(leave_out, None)
    text = "\n".join(f"{name}: {value}" for name, value in lines.items())
    key = serialization.load_pem_private_key(caller.account.private_key_file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
    authorization = (
        f'Signature version="1",keyId="{caller.account.owner.key_id}",algorithm="rsa-sha256",'
        f'headers="{" ".join(lines)}",signature="{signature}"'
    )
    return {**headers, "authorization": authorization}


def answer(http: httpx.Client, target: str, headers: dict[str, str]) -> tuple[int, str, str]:
    got = http.get(target, headers=headers)
    body = got.json()
    return (got.status_code, body["code"], body["message"]) if got.is_error else (200, "", "")


@pytest.fixture
def target(caller: Caller) -> str:
    return f"/20160918/vcns?compartmentId={caller.compartment}"


def test_a_request_signed_by_hand_is_accepted(
    caller: Caller, http: httpx.Client, target: str
) -> None:
    assert answer(http, target, signed(caller, "GET", target)) == (200, "", "")


def test_an_unsigned_request_is_refused(http: httpx.Client, target: str) -> None:
    assert answer(http, target, {})[:2] == (401, "NotAuthenticated")


def test_a_signature_holds_for_its_own_target_only(
    caller: Caller, http: httpx.Client, target: str
) -> None:
    headers = signed(caller, "GET", target + "&limit=1")
    assert answer(http, target, headers)[:2] == (401, "NotAuthenticated")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_clock_more_than_five_minutes_off_is_refused(
    caller: Caller, http: httpx.Client, target: str, minutes: int
) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    status, code, message = answer(http, target, signed(caller, "GET", target, at=at))
    assert (status, code) == (401, "NotAuthenticated")
    assert "is not within allowed clock skew" in message


@pytest.mark.parametrize("header", ["date", "host", "(request-target)"])
def test_a_signature_that_leaves_out_a_required_header_is_refused(
    caller: Caller, http: httpx.Client, target: str, header: str
) -> None:
    headers = signed(caller, "GET", target, leave_out=header)
    status, _, message = answer(http, target, headers)
    assert status == 401
    assert header in message


def test_a_body_changed_on_its_way_is_refused(caller: Caller, http: httpx.Client) -> None:
    headers = signed(caller, "POST", "/20160918/vcns", b'{"cidrBlock": "10.0.0.0/16"}')
    got = http.post("/20160918/vcns", headers=headers, content=b'{"cidrBlock": "10.0.0.0/26"}')
    assert got.status_code == 401
    assert "x-content-sha256" in got.json()["message"]


def test_a_signed_body_that_is_no_json_is_refused(caller: Caller, http: httpx.Client) -> None:
    body = b'{"cidrBlock": '
    headers = signed(caller, "POST", "/20160918/vcns", body)
    got = http.post("/20160918/vcns", headers=headers, content=body)
    assert (got.status_code, got.json()["code"]) == (400, "CannotParseRequest")
