"""The names of a Job's attempts, from the Jobs that the API of a cluster answers with."""

import asyncio
from typing import Any

import pulumi
import pytest

from components import attempts, pods
from components.cluster_api import ClusterApi, MissingObjectError, UnreachableError
from tests.unit.loop import run

READ = attempts.read  # which other tests do without
BASE = "auth-migrate-0a1b2c3d"


def job(name: str, *conditions: str, status: str = "True") -> dict[str, Any]:
    listed = [{"type": each, "status": status} for each in conditions]
    # the API leaves out an empty list
    return {"metadata": {"name": name}, "status": {"conditions": listed} if listed else {}}


def test_the_first_attempt_has_the_base_as_its_name() -> None:
    assert attempts.next_name(BASE, []) == BASE


@pytest.mark.parametrize("conditions", [("Complete",), (), ("Suspended",)])
def test_a_job_that_did_not_fail_keeps_its_name(conditions: tuple[str, ...]) -> None:
    assert attempts.next_name(BASE, [job(BASE, *conditions)]) == BASE


@pytest.mark.parametrize("conditions", [("Failed",), ("FailureTarget",)])
def test_a_failed_job_is_followed_by_the_next_attempt(conditions: tuple[str, ...]) -> None:
    assert attempts.next_name(BASE, [job(BASE, *conditions)]) == f"{BASE}-2"


def test_a_condition_that_is_not_met_is_no_failure() -> None:
    assert attempts.next_name(BASE, [job(BASE, "Failed", status="False")]) == BASE


def test_the_highest_attempt_counts_by_its_number() -> None:
    all_failed = [job(f"{BASE}-{number}", "Failed") for number in (9, 10, 2)]

    assert attempts.next_name(BASE, [*all_failed, job(BASE, "Failed")]) == f"{BASE}-11"


def test_an_attempt_that_succeeded_keeps_its_name_beside_failed_ones() -> None:
    jobs = [job(f"{BASE}-2", "Complete"), job(BASE, "Failed")]

    assert attempts.next_name(BASE, jobs) == f"{BASE}-2"


@pytest.mark.parametrize("name", ["auth-migrate-ffffffff-7", f"{BASE}-by-hand", f"{BASE}0", "auth"])
def test_a_job_of_another_name_is_no_attempt(name: str) -> None:
    assert attempts.next_name(BASE, [job(name, "Failed")]) == BASE


def observe(
    monkeypatch: pytest.MonkeyPatch, answer: list[dict[str, Any]] | Exception
) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    async def read(*where: str) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        asked.append((where[0], where[1]))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(attempts, "read", read)
    return asked


def planned() -> str | None:
    async def name() -> str | None:
        base = pulumi.Output.from_input(BASE)
        return await attempts.planned(base, kubeconfig="{}", service="auth").future()

    return run(name())


def test_the_name_is_planned_from_the_jobs_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = observe(monkeypatch, [job(BASE, "Failed")])

    assert planned() == f"{BASE}-2"
    assert asked == [("{}", "auth")]


def test_a_cluster_without_an_answer_leaves_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    observe(monkeypatch, UnreachableError("it sleeps"))

    assert planned() == BASE


class Api(ClusterApi):
    """A cluster's answers by path."""

    answers: dict[str, Any] = {}  # noqa: RUF012 - of the class, as the program makes its own

    def __init__(self, _: str) -> None:
        pass

    def items(self, path: str) -> list[Any]:
        answer = self.answers.get(path, MissingObjectError(path))
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


PATH = f"/apis/batch/v1/namespaces/auth/jobs?labelSelector={pods.NAME}%3Dauth"


@pytest.mark.parametrize(
    ("answers", "names"), [({PATH: [job(BASE)]}, [BASE]), ({}, [])], ids=["jobs", "no such path"]
)
def test_the_jobs_of_the_service_are_read(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], names: list[str]
) -> None:
    monkeypatch.setattr(Api, "answers", answers)
    monkeypatch.setattr(attempts, "ClusterApi", Api)

    assert [each["metadata"]["name"] for each in run(READ("{}", "auth"))] == names


def test_an_answer_of_another_form_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Api, "answers", {PATH: KeyError("items")})
    monkeypatch.setattr(attempts, "ClusterApi", Api)

    with pytest.raises(UnreachableError, match="KeyError: 'items'"):
        run(READ("{}", "auth"))
