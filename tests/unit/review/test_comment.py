"""The comment as a reviewer sees it: golden files to read, and rules that hold for every input.

`GOLDEN=write make unit` writes the golden files again; read the change before you commit it.
"""

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from common.property_values import UNKNOWN
from review import snapshot
from review.comment import marker, render
from review.commits import Commit, Commits
from review.consent import Consent
from review.container import containers
from review.cost import bills
from review.downtime import expect
from review.events import Plan
from review.markdown import LIMIT, Block
from review.review import Review
from review.sections import SECTIONS, Section
from review.snapshot import Server, Snapshot
from review.verdict import ALLOWING, judge
from tests.unit.review.plans import DEPLOYMENT, IMAGE, RELEASE, RULE, VM, plan, recorded, said, step

GOLDEN = Path(__file__).with_name("golden")
COMMITS = Commits(
    listed=(
        Commit(short="e8fbc85", subject="Say hello in the language of the request", author="Ada"),
        Commit(short="5c1b7a0", subject="Refuse a password that was leaked", author="Grace"),
    )
)


def review(found: Plan, *, labels: Sequence[str] = (), commits: Commits = COMMITS) -> Review:
    verdict = judge(found, labels=labels)
    return Review(
        stack="dev",
        plan=found,
        verdict=verdict,
        downtime=expect(found),
        containers=tuple(
            (one, commits if any(one.revision) else Commits()) for one in containers(found)
        ),
        snapshot=Snapshot(
            stack="dev",
            commit="0123456789abcdef0123456789abcdef01234567",
            head="fedcba9876543210fedcba9876543210fedcba98",
            tree="89abcdef0123456789abcdef0123456789abcdef",
            plan=snapshot.plan_of(found),
            dangers=tuple(danger.name for danger in verdict.dangers),
            state={"urn:pulumi:dev::auth::a": "00112233"},
            server=Server(
                release=7,
                fingerprint="73fb61df8dba5b2e",
                author="ann@example.com on laptop, as ubuntu from 192.0.2.1",
                at="2026-11-27T03:00:00Z",
            ),
        ),
        costs=bills((), found),
    )


def test_a_replacement_by_unknown_values_alone_is_uncertain() -> None:
    metadata, forced = {"name": "auth"}, "update-replace"
    change = step(
        DEPLOYMENT,
        "replace",
        old={"metadata": metadata, "spec": {"replicas": 2, "selector": {"a": "b"}}},
        new={"metadata": metadata, "spec": UNKNOWN},
        differs={"metadata.name": forced, "spec.selector": forced, "spec.replicas": "update"},
    )
    moved = step(
        DEPLOYMENT,
        "replace",
        old={"metadata": metadata},
        new={"metadata": {"name": "other"}},
        differs={"metadata.name": forced},
    )

    shown = render(review(plan(change)))
    assert "1 to change or replace" in shown
    assert "! deployment auth-deployment  (changed or replaced: known when applied)" in shown
    assert 'spec.selector: {"a": "b"} → (known when applied)\n' in shown
    assert "metadata.name" not in shown
    assert "1 to replace" in render(review(plan(moved)))


@pytest.mark.parametrize("operation", ["create", "update"])
def test_the_pods_of_a_release_show_no_value_of_a_variable(operation: str) -> None:
    def inputs(value: str) -> dict[str, Any]:
        return {"spec": {"replicas": 2, "template": {"spec": {"env": [{"value": value}]}}}}

    path = "spec.template.spec.env[0].value"
    change = step(
        DEPLOYMENT,
        operation,
        old=inputs("hunter1"),
        new=inputs("hunter2"),
        differs={path: "update"} if operation == "update" else {},
    )

    shown = render(review(plan(change)))
    assert "hunter" not in shown
    assert ("spec.template: changed" in shown) == (operation == "update")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("rule-image-variable", ()),
        ("vm-replaced", ()),
        ("vm-replaced", (ALLOWING,)),
        ("vm-reshaped", ()),
        ("everything-renamed", ()),
        ("wrong-configuration", ()),
        ("drift", ()),
    ],
)
def test_the_comment_reads_as_in_its_golden_file(name: str, labels: tuple[str, ...]) -> None:
    shown = render(review(recorded(name), labels=labels))
    file = GOLDEN / f"{name}{'-allowed' if labels else ''}.md"

    if os.environ.get("GOLDEN") == "write":
        file.write_text(shown)
    assert shown == file.read_text()


def test_nothing_to_do_is_said_in_a_few_lines() -> None:
    shown = render(review(plan()))

    assert "<details" not in shown
    assert len(shown.splitlines()) < 14


def huge(count: int, **changes: Any) -> Plan:
    steps = [
        step(
            (RULE[0], f"rule-{number}"),
            "update",
            old={"description": "a" * 500, "source": "10.0.0.0/8"},
            new={"description": "`" * 40 + "b" * 500, "source": f"10.0.0.{number}/32"},
            differs={"description": "update", "source": "update"},
        )
        for number in range(count)
    ]
    return plan(*steps, **changes)


@pytest.mark.parametrize("count", [1, 500, 5_000])
def test_a_comment_is_never_longer_than_github_takes(count: int) -> None:
    shown = render(review(huge(count)))

    assert len(shown) <= LIMIT
    assert shown.count("<details>") == shown.count("</details>")
    assert "Edited in place by each new preview" in shown, "the end was cut off"


def test_a_commit_is_one_line_whatever_ends_lines_in_it() -> None:
    ends = "\u2028\u2029\x85\f\r"
    commit = Commit(short="e8fbc85", subject=f"Sub{ends}ject", author=f"A{ends}da")
    release = step(RELEASE, "update", old={"revision": "a"}, new={"revision": "b"})

    shown = render(review(plan(release), commits=Commits(listed=(commit,))))

    assert "e8fbc85  Subject  (Ada)" in shown.split("\n")


def test_a_promotion_names_the_release_of_the_other_stack() -> None:
    origin = "r12 of dev, live there for 3 d"
    image = step(IMAGE, "update", new={"digest": "sha256:0", "origin": origin})
    release = step(RELEASE, "update", old={"image": "a@sha256:1"}, new={"image": "a@sha256:2"})

    assert f"| **Container** | promotes {origin} |" in render(review(plan(image, release)))


def test_what_is_left_out_is_said() -> None:
    shown = render(review(huge(5_000)))

    assert re.search(r"_\d\d?,\d{3} more lines are in the log of this run\._", shown)


def test_thousands_of_dangers_errors_and_commits_leave_the_verdict_readable() -> None:
    many = [step((VM[0], f"vm-{number}"), "replace") for number in range(3_000)]
    errors = [said("error", f"error {number} " + "x" * 3_000) for number in range(300)]
    commit = Commit(short="e8fbc85", subject="y" * 5_000, author="z" * 500)
    commits = Commits(listed=(commit,) * 500)
    release = step(RELEASE, "update", old={"image": "a"}, new={"image": "b"})

    shown = render(review(plan(*many, *errors, release), commits=commits))

    assert len(shown) <= LIMIT
    assert "the preview failed" in shown.splitlines()[1]
    assert "and 2980 more" in shown


def test_a_state_too_big_to_list_is_recorded_as_one_hash() -> None:
    made = review(plan())
    state = {f"urn:pulumi:dev::auth::{number}": f"{hash(str(number)):x}" for number in range(9_000)}

    text = dataclasses.replace(made.snapshot, state=state).text()

    assert len(text) < LIMIT
    found = snapshot.read(text)
    assert found is not None
    assert found.state == {"": snapshot.digest(state)}


HOSTILE = [
    "</details><script>alert(1)</script>",
    "<!-- auth-review dev -->",
    "```\n</details>\n### all fine",
    "@everyone look at #1 and https://evil.test/![x](y)",
    "| a | b |\n|---|---|",
    "\u202egnp.exe\u0000\x1b[31m",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_draws_hides_and_mentions_nothing(text: str) -> None:
    commits = Commits(listed=(Commit(short="e8fbc85", subject=text, author=text),))
    release = step(RELEASE, "update", old={"image": "a"}, new={"image": "b", "revision": text})
    found = plan(
        step((RULE[0], text), "create", new={"description": text, text: "x"}),
        release,
        said("warning", text),
    )

    shown = render(review(found, commits=commits))
    outside = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", shown, flags=re.DOTALL | re.MULTILINE)
    outside = re.sub(r"(`+).+?\1", "", outside)

    assert shown.count("<!-- auth-review") == 1, "a mark was smuggled in"
    assert "<script" not in outside
    assert not re.search(r"(?<![\w\u2060])@(?=\w)", outside), "somebody is mentioned"
    assert outside.count("<details") == outside.count("</details>")
    assert "\u202e" not in shown
    assert "\x1b" not in shown


def test_the_comment_names_who_allowed_it_and_who_may_not() -> None:
    found = review(plan(step(VM, "replace")), labels=[ALLOWING])
    for granted, reason in ((True, "set by ada"), (False, "set by eve, who may not")):
        consent = Consent(granted=granted, reason=reason, by="somebody")
        assert f"\n{reason}.\n" in render(dataclasses.replace(found, consent=consent))

    missing = Consent(granted=False, reason="#12 does not have the label")
    assert missing.reason not in render(dataclasses.replace(found, consent=missing))


def test_one_more_section_is_one_more_function() -> None:
    def cost(_: Review) -> Section:
        return Section(title="Cost", line="+€3 a month", body=[Block(lines=["a", "b"])])

    shown = render(review(plan()), sections=[*SECTIONS, cost])

    assert "| **Cost** | +€3 a month |" in shown
    assert "<summary>Cost</summary>" in shown


def test_each_stack_has_a_comment_of_its_own() -> None:
    assert render(review(plan())).startswith(marker("dev"))
    assert marker("dev") != marker("dev2")
    assert not marker("dev2").startswith(marker("dev"))


def test_a_protected_vm_comes_with_the_way_to_replace_it() -> None:
    refusal = 'unable to replace resource "urn" as it is currently marked for protection'

    assert "`auth:protect`" in render(review(plan(said("error", refusal), result="failed")))
