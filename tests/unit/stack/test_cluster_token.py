"""The tokens of a cluster are signed requests, as the cluster lets Oracle Cloud check them."""

import base64
import json
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from localcloud.api import signature
from localcloud.api.signature import SignedRequest
from stack import cluster_token, kubeconfig
from stack.errors import StackError
from stack.stack import Stack
from tests.unit.examples import API_KEY

VALUES = {
    "oci:tenancyOcid": "ocid1.tenancy.oc1..aaaa",
    "oci:userOcid": "ocid1.user.oc1..bbbb",
    "oci:fingerprint": "aa:bb",
}
CLUSTER = "ocid1.cluster.oc1.eu-madrid-1.cccc"


def signed(**more: str) -> str:
    values = {**VALUES, **{f"oci:{name}": value for name, value in more.items()}}
    return cluster_token.signed(values, cluster_id=CLUSTER, region="eu-madrid-1", stack="dev")


def test_the_key_of_the_configuration_signs_a_request_about_the_cluster(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(API_KEY)
    public = serialization.load_pem_private_key(API_KEY.encode(), None).public_key()
    for token in (signed(privateKey=API_KEY), signed(privateKeyPath=str(file))):
        url = urllib.parse.urlsplit(base64.urlsafe_b64decode(token).decode())
        assert url.hostname == "containerengine.eu-madrid-1.oraclecloud.com"
        assert url.path == f"/cluster_request/{CLUSTER}"
        headers = {**dict(urllib.parse.parse_qsl(url.query)), "host": url.netloc}
        request = SignedRequest(method="GET", target=url.path, headers=headers, body=b"")
        name = "/".join(VALUES.values())
        assert signature.verify(request, {name: public}, datetime.now(UTC)) == name  # type: ignore[dict-item]


def test_credentials_that_can_not_sign_are_refused_without_the_key() -> None:
    with pytest.raises(StackError, match=r"The oci credentials of dev can't be used") as refused:
        signed(privateKey="hunter2")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(StackError, match=r"docs/oracle-cloud\.md"):
        signed()


def test_the_shell_of_a_stack_with_a_cluster_gets_its_kubeconfig(tmp_path: Path) -> None:
    stack = Stack(name="dev", clone=tmp_path, env={})
    assert kubeconfig.variables(stack, {"url": "https://auth.test"}) == {}
    content = {"users": [{"user": {"exec": {"command": "python"}}}]}
    named = kubeconfig.variables(stack, {"kubeconfig": json.dumps(content)})
    file = Path(named["KUBECONFIG"])
    assert json.loads(file.read_text())["users"][0]["user"]["exec"]["command"].startswith("/")
    assert file.stat().st_mode & 0o077 == 0
