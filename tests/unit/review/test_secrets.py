"""No secret gets into a comment, whichever way it takes."""

import json

import pytest

from review.comment import render
from review.redaction import Redactor
from tests.unit.examples import SIGNING_KEY
from tests.unit.review.plans import RELEASE, RULE, SECRET, VM, plan, said, step
from tests.unit.review.test_comment import review

PASSWORD = "hunter2-and-more"
TOKEN = "ghp_0123456789abcdef"


def test_a_secret_input_is_shown_by_its_name_alone() -> None:
    old = {"metadata": {**SECRET, "ciphertext": "v1:old"}, "x": {"y": {**SECRET, "plaintext": "p"}}}
    new = {"metadata": {**SECRET, "ciphertext": "v1:new"}, "x": {"y": {**SECRET, "plaintext": "q"}}}
    paths = {"metadata": "update", "metadata.user_data": "update", "x": "update", "x.y": "update"}

    shown = render(review(plan(step(VM, "update", old=old, new=new, differs=paths))))

    assert "metadata: [secret], changed" in shown
    for leak in ("v1:", '"p"', '"q"', "plaintext", "4dabf18"):
        assert leak not in shown, f"{leak} is shown"


def test_a_secret_in_a_new_resource_is_masked() -> None:
    new = {"password": {**SECRET, "plaintext": json.dumps(PASSWORD)}, "list": [SECRET]}

    shown = render(review(plan(step(RULE, "create", new=new))))

    assert "password: [secret]" in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize(
    "text",
    [
        f"login with {PASSWORD} failed",
        json.dumps({"key": SIGNING_KEY}),
        f"key:\n{SIGNING_KEY}",
        SIGNING_KEY.splitlines()[1],
        f"https://x:{TOKEN}@ghcr.io/v2/",
    ],
    # the key is another in each process, and the names of tests are the same
    ids=["password", "key in JSON", "key", "line of the key", "token"],
)
def test_what_somebody_quotes_is_taken_out_wherever_it_stands(text: str) -> None:
    redactor = Redactor([SIGNING_KEY, PASSWORD], {"GITHUB_TOKEN": TOKEN, "PATH": "/usr/bin"})
    found = plan(
        step((RULE[0], text), "create", new={"description": text, "deep": [{"er": text}]}),
        step(VM, "update", old={"a": text}, new={"a": "/usr/bin"}, differs={"a": "update"}),
        step(RELEASE, "update", new={"settings": {"site": text}}),
        said("warning", text),
        said("error", text),
        result="failed",
    )

    shown = redactor.text(render(review(redactor.plan(found))))

    assert PASSWORD not in shown
    assert TOKEN not in shown
    for line in SIGNING_KEY.splitlines()[1:-1]:
        assert line[:30] not in shown, "a line of the key is shown"
    assert "/usr/bin" in shown, "what is no secret was taken out"


def test_a_long_secret_is_taken_out_before_a_line_is_cut_within_it() -> None:
    redactor = Redactor([PASSWORD], {})
    line, value = "x" * (400 - 8) + PASSWORD, "y" * (90 - 8) + PASSWORD
    found = plan(said("warning", line), step(RULE, "create", new={"description": value}))

    shown = render(review(redactor.plan(found)))

    assert "yyyy" in shown
    assert PASSWORD[:6] not in shown


def test_any_private_key_is_taken_out_though_nobody_knows_it() -> None:
    unknown = "-----BEGIN OPENSSH PRIVATE KEY-----\nabcdefabcdef\n-----END OPENSSH PRIVATE KEY-----"

    assert Redactor([], {}).text(f"a {unknown} b") == "a [secret] b"


@pytest.mark.parametrize("short", ["", "1", "yes", "true"])
def test_a_secret_as_short_as_a_word_does_not_black_out_the_text(short: str) -> None:
    assert Redactor([short], {}).text("1 yes, true") == "1 yes, true"
