"""The emulator's own paths, which carry no signature."""

import httpx
import pytest

from tests.localcloud.caller import Caller


def ask(caller: Caller, path: str, **headers: str) -> httpx.Response:
    with httpx.Client(base_url=caller.home.endpoint, trust_env=False) as http:
        return http.get(path, headers=headers)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_they_answer_nobody_without_the_token(caller: Caller, headers: dict[str, str]) -> None:
    refused = ask(caller, "/localcloud/status", **headers)
    assert refused.status_code == 401
    assert str(caller.home.control_token_file) in refused.json()["message"]
    with caller.control() as http:
        assert http.get("/status").status_code == 200
        fault = http.post("/faults", json={"kind": "slowBoot"}, headers={"Authorization": "none"})
        assert fault.status_code == 401
        assert http.get("/faults").json() == []


def test_the_token_is_its_users_alone(caller: Caller) -> None:
    assert caller.home.control_token_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path", ["/localcloud/status", "/20160918/vcns"])
def test_a_page_whose_name_leads_here_gets_no_answer(caller: Caller, path: str) -> None:
    with caller.control() as http:
        url = f"{caller.home.endpoint}{path}"
        assert http.get(url, headers={"Host": "rebound.example:7000"}).status_code == 400
