import json

import pytest

from host.auth_release.desired import Desired
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import document


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("[]", "can't be read"),
        (json.dumps({"service": "auth"}), "'registry'"),
        (json.dumps(document(colour="red")), "colour"),
        (json.dumps(document(service="../etc")), "`service`"),
        (json.dumps(document(image="registry.test/auth:latest")), "by digest"),
        (json.dumps(document(site="")), "`site` is empty"),
        (json.dumps(document(limits={"memory": "lots"})), "`limits.memory` is 'lots'"),
        (json.dumps(document(canary={"percent": 100})), "`canary.percent`"),
        (json.dumps(document(keep=1)), "`keep` must be at least 2"),
    ],
)
def test_a_desired_state_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ReleaseError, match=problem) as caught:
        Desired.parse(text)
    assert "hunter" not in str(caught.value)
