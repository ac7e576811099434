"""The rules that refuse a password."""

import pytest
from auth.accounts.password_rules import LONGEST, SHORTEST, Refusal, common, refusal
from hypothesis import given
from hypothesis import strategies as st

EMAIL = "grace.hopper@example.test"


@pytest.mark.parametrize(
    "password",
    ["password", "PassWord", "12345678", "trustno1", "ｐａｓｓｗｏｒｄ", "zzzzzzzzzzzz"],  # noqa: RUF001
)
def test_a_common_password_is_refused_in_any_spelling(password: str) -> None:
    assert refusal(password, EMAIL) is Refusal.COMMON


@pytest.mark.parametrize("password", [EMAIL, "Grace.Hopper@Example.Test", "grace.hopper"])
def test_the_name_of_the_account_is_no_password(password: str) -> None:
    assert refusal(password, EMAIL) is Refusal.IDENTITY


@pytest.mark.parametrize("password", ["a horse\ta battery", "a horse\u200d a battery"])
def test_a_character_that_keyboards_do_not_agree_on_is_refused(password: str) -> None:
    assert refusal(password, EMAIL) is Refusal.CHARACTERS


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_a_password_of_another_length_is_refused(length: int) -> None:
    assert refusal(("ab" * LONGEST)[:length], EMAIL) is Refusal.LENGTH


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "ünïcödé wörds", "8 chars!", "パスワードは長い"]
)
def test_no_kind_of_character_is_asked_for_or_refused(password: str) -> None:
    assert refusal(password, EMAIL) is None


def test_the_list_is_there_offline() -> None:
    assert common().count("\n") > 10_000


@given(password=st.text(max_size=200), email=st.text(max_size=60))
def test_any_text_is_accepted_or_refused_for_a_reason_that_does_not_show_it(
    password: str, email: str
) -> None:
    reason = refusal(password, email)

    assert reason is None or reason in set(Refusal)
