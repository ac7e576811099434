import json

import pytest

from host.auth_release.desired import Desired
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import document


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("[]", "`the document` must be an object"),
        (json.dumps({"service": "auth"}), "`disk` is missing"),
        (json.dumps(document(colour="red")), "`colour` is not a field of this schema"),
        (json.dumps(document(hooks={"during": []})), "`hooks.during` is not a field"),
        (json.dumps(document(schema="2")), "`schema` must be a whole number"),
        (json.dumps(document(port="80")), "`port` must be a whole number"),
        (json.dumps(document(port=True)), "`port` must be a whole number"),
        (json.dumps(document(drain_seconds=float("nan"))), "`drain_seconds` must be a number"),
        (json.dumps(document(environment={"A": 1})), "`environment.A` must be text"),
        (
            json.dumps(document(hooks={"before": ["migrate"]})),
            r"`hooks.before\[0\]` must be a list",
        ),
        (json.dumps(document(limits=None)), "`limits` must be an object"),
        (json.dumps(document(service="../etc")), "`service`"),
        (json.dumps(document(image="registry.test/auth:latest")), "by digest"),
        (json.dumps(document(site="")), "`site` is empty"),
        (json.dumps(document(limits={"memory": "lots"})), "`limits.memory` is 'lots'"),
        (json.dumps(document(canary={"percent": 100})), "`canary.percent`"),
        (json.dumps(document(keep=1)), "`keep` must be at least 2"),
        (json.dumps(document(port=0)), "`port` must be from 1 to 65535, not 0"),
        (json.dumps(document(uid=0)), "`uid` must be a user's but root's, not 0"),
        (json.dumps(document(health={"path": "@192.0.2.1/"})), "`health.path` must begin with /"),
        (json.dumps(document(health={"path": "/a b"})), "`health.path` must begin with /"),
        (json.dumps(document(secrets={"../../x": "hunter2"})), r"`secrets` has the name '../../x'"),
        (json.dumps(document(secrets={"a/b": "hunter2"})), "`secrets` has the name 'a/b'"),
        (json.dumps(document(environment={"1A": ""})), "`environment` has the name '1A'"),
        (json.dumps(document(environment={"A=B": ""})), "`environment` has the name 'A=B'"),
        (json.dumps(document(environment={"A\n": ""})), r"`environment` has the name 'A\\n'"),
        (json.dumps(document(environment={"A": "x\0"})), "`environment.A` holds a NUL"),
        (json.dumps(document(secrets={"A": "\ud800"})), "`secrets.A` holds a NUL or half a"),
        (json.dumps(document(hooks={"before": [["\0"]]})), "`hooks.before` holds a NUL"),
        (
            json.dumps(document(environment={"A_FILE": "x", "A": ""}, secrets={"A": "hunter2"})),
            "`environment` has A, A_FILE, which `secrets` sets",
        ),
    ],
)
def test_a_desired_state_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ReleaseError, match=problem) as caught:
        Desired.parse(text)
    assert "hunter" not in str(caught.value)
