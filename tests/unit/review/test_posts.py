"""Posts on GitHub are written once, edited in place, and believed only if they are our own."""

import dataclasses
from pathlib import Path

import pytest

from review import drift, drill, posts
from review.comment import marker
from review.context import Context
from review.errors import ReviewError
from review.github import GitHub
from review.markdown import LIMIT
from stack.drill import Drill
from tests import github as server
from tests.unit.review.plans import VM, plan, recorded, said, step
from tests.unit.review.test_comment import review

MARK = marker("dev")


def bodies(github: server.GitHub, number: int = 12) -> list[str]:
    return [comment["body"] for comment in github.comments.get(number, [])]


def test_the_comment_is_written_once_and_then_edited(
    github: server.GitHub, context: Context
) -> None:
    github.comment(12, "Nice.", login="ada")
    with GitHub(context) as api:
        posts.upsert_comment(api, 12, MARK, f"{MARK}\nfirst")
        posts.upsert_comment(api, 12, MARK, f"{MARK}\nsecond")

    assert bodies(github) == ["Nice.", f"{MARK}\nsecond"]


def test_the_comment_is_found_behind_pages_of_others(
    github: server.GitHub, context: Context
) -> None:
    for number in range(5):
        github.comment(12, f"{number}", login="ada")
    with GitHub(context) as api:
        posts.upsert_comment(api, 12, MARK, f"{MARK}\nfirst")
        for number in range(5):
            github.comment(12, f"{number}", login="grace")
        posts.upsert_comment(api, 12, MARK, f"{MARK}\nsecond")

    assert bodies(github).count(f"{MARK}\nsecond") == 1
    assert len(bodies(github)) == 11


def test_each_stack_keeps_its_own_comment(github: server.GitHub, context: Context) -> None:
    with GitHub(context) as api:
        for stack in ("dev", "prod", "dev"):
            posts.upsert_comment(api, 12, marker(stack), f"{marker(stack)}\n{stack}")

    assert len(bodies(github)) == 2


def test_a_comment_with_somebody_elses_mark_is_not_edited(
    github: server.GitHub, context: Context
) -> None:
    forged = f"{MARK}\nall fine"
    github.comment(12, forged, login="mallory")
    with GitHub(context) as api:
        posts.upsert_comment(api, 12, MARK, f"{MARK}\nours")

    assert bodies(github) == [forged, f"{MARK}\nours"]


def test_drift_keeps_one_issue_and_closes_it(github: server.GitHub, context: Context) -> None:
    drifted, clean = review(recorded("drift")), review(plan())

    told = [drift.report(made, context) for made in (drifted, drifted, clean, clean, drifted)]

    assert ["issue #1" in sentence for sentence in told] == [True, True, True, False, False]
    assert [issue["state"] for issue in github.issues] == ["closed", "open"]
    assert "auth-1 does not run" in github.issues[0]["body"]
    assert [label["name"] for label in github.issues[0]["labels"]] == [drift.LABEL]
    assert "no difference any more" in bodies(github, 1)[0]


def test_a_check_that_could_not_be_made_is_no_good_news(
    github: server.GitHub, context: Context
) -> None:
    drift.report(review(recorded("drift")), context)
    drift.report(review(plan(said("error", "no network"), result="failed")), context)

    assert [issue["state"] for issue in github.issues] == ["open"]
    assert "no network" in github.issues[0]["body"]


def test_a_failed_drill_keeps_one_issue_and_the_first_that_works_closes_it_with_its_figures(
    github: server.GitHub, context: Context
) -> None:
    worked = Drill(
        copy="nightly",
        moment="2026-11-27T03:00:00Z",
        rows={"accounts": 7},
        account="drill@example.test",
        restore_seconds=90,
        seconds=240,
    )
    for reason in ("the database is broken", "the bucket denies"):
        shown = drill.report_failure("dev", reason, context)
        assert reason in shown
        assert "Issue #1" in shown
        assert reason in github.issues[0]["body"]

    result = drill.report_success("dev", worked, context)

    assert [issue["state"] for issue in github.issues] == ["closed"]
    assert result in bodies(github, 1)[0]
    assert "7 accounts" in result
    assert "1.5 min from the bucket on, and 4.0 min" in result


def test_an_issue_is_never_longer_than_github_takes(
    github: server.GitHub, context: Context
) -> None:
    many = [step((VM[0], f"vm-{n}"), "create", new={"x": "y" * 80}) for n in range(3_000)]

    drift.report(review(plan(*many)), context)

    assert len(github.issues[0]["body"]) <= LIMIT


def test_a_refusal_names_what_was_asked_and_no_token(
    github: server.GitHub, context: Context
) -> None:
    with (
        GitHub(context) as api,
        pytest.raises(ReviewError, match=r"404 to GET /repos/acme/auth/nothing") as refused,
    ):
        api.get("nothing")

    assert server.TOKEN not in str(refused.value)
    assert github.requests


def test_without_a_token_the_way_to_get_one_is_told(context: Context) -> None:
    with pytest.raises(ReviewError, match=r"GITHUB_TOKEN"):
        GitHub(dataclasses.replace(context, token=""))


def test_outputs_and_summary_go_to_githubs_files(context: Context, tmp_path: Path) -> None:
    context.output(url="https://auth.test", digest="sha256:0")
    context.summarize("### Hello")

    assert (tmp_path / "output").read_text() == "url=https://auth.test\ndigest=sha256:0\n"
    assert (tmp_path / "summary.md").read_text() == "### Hello\n"


def test_an_output_can_not_smuggle_in_another(context: Context) -> None:
    with pytest.raises(ReviewError, match="several lines"):
        context.output(url="https://auth.test\ndigest=sha256:evil")


def test_a_run_without_a_pull_request_says_so(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("{}")
    context = Context.read({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})

    with pytest.raises(ReviewError, match="belongs to no pull request"):
        _ = context.pull_request
