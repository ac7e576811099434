"""Identities of an account: linked after a proof of the account, listed, and removed."""

import json
import re
import time

import httpx
import pytest
from applications import Browser, form_token
from running import Server
from upstreams import Person
from users import User

_PAGE = "/account/identities"
_LINK = f"{_PAGE}/link/staff"


@pytest.fixture(name="user")
def _user(ours: Server) -> User:
    """Return a user with a password, whose address is proven."""
    with httpx.Client(base_url=ours.url, timeout=30) as client:
        user = User.registered(client)
        user.prove_address()
        return user


def confirm(person: Person, shown: httpx.Response) -> httpx.Response:
    return person.here.submit(shown, f"{_PAGE}/confirm")


def linked(person: Person) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", person.here.open(_PAGE).text)


def test_a_signed_in_user_links_an_identity_and_signs_in_with_it(
    person: Person, user: User
) -> None:
    person.here.sign_in(user)
    assert 'href="/account/identities"' in person.here.open("/account").text
    there = person.registers_there()

    shown = person.signs_in(_LINK)

    assert there.email in shown.text
    assert user.email in shown.text
    assert linked(person) == [], "nothing is linked before the user agrees"
    confirm(person, shown)
    assert linked(person) == ["Staff"]
    person.takes_another_browser()
    person.signs_in()
    assert person.email == user.email


def test_the_owner_of_the_address_links_it_with_the_password(person: Person, user: User) -> None:
    person.registers_there(email=user.email)

    asked = person.signs_in()

    assert "There is an account with the address" in asked.text
    shown = person.here.submit(asked, "/sign-in", email=user.email, password=user.password)
    assert "will sign you in to your account" in shown.text
    confirm(person, shown)
    person.takes_another_browser()
    person.signs_in()
    assert person.email == user.email


def test_after_the_link_the_user_is_where_they_wanted_to_be(person: Person, user: User) -> None:
    person.registers_there(email=user.email)
    asked = person.signs_in("/sign-in/with/staff?next=/account/devices")
    shown = person.here.submit(asked, "/sign-in", email=user.email, password=user.password)

    assert "<h1>Devices and sessions</h1>" in confirm(person, shown).text


def test_a_wrong_password_links_nothing(person: Person, user: User) -> None:
    person.registers_there(email=user.email)
    asked = person.signs_in()

    before = person.ours.count("identities")

    person.here.submit(asked, "/sign-in", email=user.email, password="another password")

    assert person.ours.count("identities") == before
    assert not person.here.is_signed_in


def test_an_identity_that_waits_is_of_no_use_in_another_browser(
    person: Person, another: Person, user: User
) -> None:
    """An attacker could link an identity of theirs to the account of a victim."""
    person.here.sign_in(user)
    person.registers_there()
    path = person.comes_back(person.begins(_LINK))
    stolen = person.here.client.get(path).headers["Location"]
    with httpx.Client(base_url=person.ours.url, timeout=30) as client:
        victim = User.registered(client)
    another.here.sign_in(victim)
    another.registers_there()
    another.begins(_LINK)

    assert "was begun elsewhere" in another.here.open(stolen).text
    page = another.here.open(_PAGE)
    body = {"csrf_token": form_token(another.here.open("/account")), "waiting": stolen[-43:]}
    assert "was begun elsewhere" in another.here.client.post(f"{_PAGE}/confirm", data=body).text
    assert page.status_code == 200
    assert linked(another) == []


def test_another_site_can_not_link_or_remove(person: Person, user: User) -> None:
    person.here.sign_in(user)
    person.registers_there()
    confirm(person, person.signs_in(_LINK))

    forged = person.here.client.post(f"{_PAGE}/remove", data={"issuer": person.upstream.url})

    assert forged.status_code == 403
    assert person.here.client.post(f"{_PAGE}/confirm", data={"waiting": "a"}).status_code == 403
    assert linked(person) == ["Staff"]


def test_an_identity_of_another_account_is_not_moved(
    person: Person, another: Person, user: User
) -> None:
    there = person.registers_there()
    person.signs_in()
    another.here.sign_in(user)
    another.there.sign_in(there)

    refused = confirm(another, another.signs_in(_LINK))

    assert "belongs to another account here" in refused.text
    assert linked(another) == []
    assert linked(person) == ["Staff"]


def test_linking_takes_a_recent_sign_in(person: Person, user: User) -> None:
    person.here.sign_in(user)
    person.ours.execute("UPDATE browser_sessions SET authenticated_at = 1000")

    assert "to add a way to sign in" in person.here.open(_LINK).text


def test_the_end_of_linking_and_a_removal_take_a_recent_sign_in(person: Person, user: User) -> None:
    """The page may have been open for long."""
    before = person.ours.count("identities")
    person.here.sign_in(user)
    person.registers_there()
    shown = person.signs_in(_LINK)
    person.ours.execute("UPDATE browser_sessions SET authenticated_at = 1000")

    assert "<h1>Sign in</h1>" in confirm(person, shown).text
    assert person.ours.count("identities") == before
    person.ours.execute(f"UPDATE browser_sessions SET authenticated_at = {time.time()}")  # noqa: S608
    confirm(person, shown)
    listed = person.here.open(_PAGE)
    person.ours.execute("UPDATE browser_sessions SET authenticated_at = 1000")

    assert "<h1>Sign in</h1>" in person.here.submit(listed, f"{_PAGE}/remove").text
    assert person.ours.count("identities") == before + 1


def test_removing_ends_the_other_sessions_and_the_way_in(person: Person, user: User) -> None:
    person.here.sign_in(user)
    person.registers_there()
    confirm(person, person.signs_in(_LINK))
    with Browser(person.ours.url) as elsewhere:
        elsewhere.sign_in(user)

        removed = person.here.submit(person.here.open(_PAGE), f"{_PAGE}/remove")

        assert "Sign-in removed" in removed.text
        assert not elsewhere.is_signed_in
    assert person.here.is_signed_in
    assert linked(person) == []
    person.takes_another_browser()
    person.signs_in()
    assert person.email != user.email


def test_the_only_way_in_stays(person: Person) -> None:
    person.registers_there()
    person.signs_in()

    refused = person.here.submit(person.here.open(_PAGE), f"{_PAGE}/remove")

    assert "This is your only way to sign in." in refused.text
    assert linked(person) == ["Staff"]
    assert "has no password yet" in person.here.open("/account/password").text


def test_the_user_gets_mails_and_the_log_has_events(person: Person, user: User) -> None:
    with httpx.Client(base_url=person.ours.url, timeout=30) as client:
        user.client = client
        person.here.sign_in(user)
        person.registers_there()
        confirm(person, person.signs_in(_LINK))
        assert "Staff can now sign in" in user.mailed("A way to sign in was added")
        person.here.submit(person.here.open(_PAGE), f"{_PAGE}/remove")
        assert "Staff can no longer sign in" in user.mailed("A way to sign in was removed")

    events = [event["event"] for event in person.data()["events"]]
    assert {"identity.linked", "identity.removed"} <= {*events}


def test_an_identity_that_a_stranger_linked_before_the_owner_came_is_gone(
    person: Person, ours: Server
) -> None:
    """A stranger registers the victim's address, and links an identity of their own."""
    with httpx.Client(base_url=ours.url, timeout=30) as client:
        victim = User.registered(client)
        person.here.sign_in(victim)
        person.registers_there()
        confirm(person, person.signs_in(_LINK))
        client.post("/v1/auth/password/forgot", json={"email": victim.email})
        token = victim.token_mailed("Set a new password")
        body = {"token": token, "password": "a password of the victim"}
        assert client.post("/v1/auth/password/reset", json=body).status_code == 204

    person.takes_another_browser()
    person.signs_in()

    assert person.email != victim.email


def test_an_identity_that_a_stranger_linked_goes_when_the_owner_is_imported(
    person: Person, ours: Server
) -> None:
    with httpx.Client(base_url=ours.url, timeout=30) as client:
        victim = User.registered(client)
        person.here.sign_in(victim)
    person.registers_there()
    confirm(person, person.signs_in(_LINK))
    line = json.dumps({"email": victim.email, "email_verified": True})
    imported = ours.command("import-users", "--update", stdin=line)
    assert imported.returncode == 0, imported.stdout + imported.stderr

    person.takes_another_browser()
    person.signs_in()

    assert person.email != victim.email


def test_administrators_see_the_identities_of_a_user(person: Person, user: User) -> None:
    there = person.registers_there()
    person.signs_in()
    identity = person.data()["account"]["id"]
    promoted = f"UPDATE accounts SET role = 'admin' WHERE email = '{user.email}'"  # noqa: S608
    person.ours.execute(promoted)
    with Browser(person.ours.url) as administrator:
        administrator.sign_in(user)

        text = administrator.open(f"/admin/users/{identity}").text

    assert f"{person.upstream.url} as {there.email}" in text
