"""A review is believed if the workflows recorded it, and a consent if the right person gave it."""

import dataclasses
from typing import Any

import pytest

from review import branch_head, checks, consent
from review.context import Context
from review.errors import ReviewError
from review.github import GitHub
from review.snapshot import Snapshot
from review.verdict import ALLOWING
from tests import github as server
from tests.unit.review.plans import RULE, VM, plan, step
from tests.unit.review.test_comment import review

MERGED = "abc"
MADE = review(plan(step(VM, "replace"))).snapshot


@pytest.fixture(autouse=True)
def _merged(github: server.GitHub) -> None:
    """Let the commit come from pull request 12."""
    github.pulls[12] = {"number": 12, "head": {"sha": MADE.head}}
    github.pulls_of_commit[MERGED] = [12]


def body(made: Snapshot, **changes: Any) -> dict[str, Any]:
    output = {"title": "", "summary": "", "text": made.text()}
    known = {"name": checks.name("dev"), "head_sha": made.head, "status": "completed"}
    return {**known, "output": output, **changes}


def found(context: Context, commit: str = MERGED, stack: str = "dev") -> Snapshot | None:
    with GitHub(context) as api:
        return checks.reviewed(api, commit, stack)[1]


def test_the_record_of_a_commit_is_that_of_the_pull_request_that_brought_it(
    github: server.GitHub, context: Context
) -> None:
    with GitHub(context) as api:
        checks.keep(api, MADE, passes=False)
        assert checks.reviewed(api, MERGED, "dev") == (12, MADE)
        assert checks.reviewed(api, MERGED, "prod") == (12, None)
        assert checks.reviewed(api, "def", "dev") == (None, None)

    assert github.check_runs[0]["conclusion"] == "failure"


def test_the_last_preview_of_several_counts(github: server.GitHub, context: Context) -> None:
    for number in range(5):
        github.check_run(body(dataclasses.replace(MADE, plan=str(number))))

    record = found(context)

    assert record is not None
    assert record.plan == "4"


def test_a_record_in_an_edited_comment_is_none(github: server.GitHub, context: Context) -> None:
    github.comment(12, MADE.text())

    assert found(context) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"app": {"slug": "another-app"}},
        {"status": "in_progress"},
        {"name": "review of prod"},
        {"output": None},
    ],
    ids=str,
)
def test_what_the_workflows_did_not_record_is_none(
    github: server.GitHub, context: Context, changes: dict[str, Any]
) -> None:
    app = changes.pop("app", server.APP)
    github.check_run(body(MADE, **changes), app)

    assert found(context) is None


def test_a_record_of_an_earlier_push_is_none(github: server.GitHub, context: Context) -> None:
    github.check_run(body(MADE))
    github.pulls[12]["head"]["sha"] = "pushed0after0the0preview"

    assert found(context) is None


def test_a_record_that_was_copied_from_another_commit_is_none(
    github: server.GitHub, context: Context
) -> None:
    other = dataclasses.replace(review(plan(step(RULE, "create"))).snapshot, head="elsewhere")
    github.check_run(body(other, head_sha=MADE.head))

    assert found(context) is None


def asked(context: Context) -> consent.Consent:
    with GitHub(context) as api:
        return consent.of(api, 12)


def test_a_label_is_a_consent_if_its_setter_may_write(
    github: server.GitHub, context: Context
) -> None:
    github.label(12, "bug", by="eve", permission="read")
    github.label(12, ALLOWING, by="ada")

    answer = asked(context)

    assert answer.granted
    assert "set by ada" in answer.reason


def test_without_the_label_there_is_none(github: server.GitHub, context: Context) -> None:
    assert not asked(context).granted
    github.label(12, ALLOWING, by="ada")
    github.unlabel(12, ALLOWING, by="eve")
    assert not asked(context).granted

    with GitHub(context) as api:
        assert not consent.of(api, None).granted


@pytest.mark.parametrize(
    ("setter", "said"),
    [
        (
            {"by": "eve", "permission": "read"},
            "eve, without the right to write",
        ),  # GitHub shows triage as read
        ({"by": "eve", "permission": "none"}, "eve, without the right to write"),
        ({"by": "github-actions[bot]", "kind": "Bot"}, "no person"),
    ],
)
def test_a_label_of_somebody_who_may_not_is_none(
    github: server.GitHub, context: Context, setter: dict[str, str], said: str
) -> None:
    github.label(12, ALLOWING, **setter)

    answer = asked(context)

    assert not answer.granted
    assert said in answer.reason


def test_the_last_setter_counts_and_is_found_behind_pages_of_events(
    github: server.GitHub, context: Context
) -> None:
    github.label(12, ALLOWING, by="ada")
    for _ in range(5):
        github.label(12, "bug", by="grace")
    github.unlabel(12, ALLOWING, by="ada")
    github.label(12, ALLOWING, by="eve", permission="read")

    assert not asked(context).granted


def on(context: Context, ref: str) -> Context:
    return dataclasses.replace(context, ref=ref)


def test_the_newest_commit_of_a_branch_is_deployed_and_no_older_one(
    github: server.GitHub, context: Context
) -> None:
    github.branches["develop"] = context.commit
    with GitHub(context) as api:
        branch_head.check(api, on(context, "refs/heads/develop"))

        github.branches["develop"] = "f" * 40
        with pytest.raises(ReviewError, match="would take newer code away"):
            branch_head.check(api, on(context, "refs/heads/develop"))


def test_a_branch_whose_name_has_a_slash_is_asked_for(
    github: server.GitHub, context: Context
) -> None:
    github.branches["team/release"] = context.commit
    with GitHub(context) as api:
        branch_head.check(api, on(context, "refs/heads/team/release"))


@pytest.mark.parametrize("ref", ["refs/tags/v1", "refs/pull/12/merge", ""])
def test_what_is_no_branch_is_not_deployed(
    github: server.GitHub, context: Context, ref: str
) -> None:
    assert github
    with GitHub(context) as api, pytest.raises(ReviewError, match="only a branch is deployed"):
        branch_head.check(api, on(context, ref))
