"""Users of other software, imported with their password hashes."""

import csv
import io
import json
from typing import Any

import httpx
import pytest
from running import Server
from second_factor_users import SecondFactorUser
from users import PASSWORD, User

PHC = "$argon2id$v=19$m=256,t=2,p=4$TmFDbE5hQ2xOYUNs$ijiUgyxiohChZE67rNekzII1iPMZ0jX+IWGOfGEe7TE"
BCRYPT = "$2b$04$EFmRGNILzyiva0jt6w4bseLbvYGJyo1b0z2vR8v6gOUR5OKdnRuzW"
# of PASSWORD, made by bcrypt 5.0.0, Django 5.2 and libpass 1.9.4, with small parameters
HASHES = {
    "bcrypt": BCRYPT,
    "bcrypt-of-php": BCRYPT.replace("$2b$", "$2y$"),
    "django-bcrypt": f"bcrypt${BCRYPT}",
    "argon2": PHC,
    "django-argon2": f"argon2{PHC}",
    "django-pbkdf2": "pbkdf2_sha256$1000$NaClNaClNaCl$Yjgv2ldhpZaD1nWilO6B2wcqdx/pg2kewTaiJVKptNs=",
    "django-pbkdf2-sha1": "pbkdf2_sha1$1000$NaClNaClNaCl$tp5y7YTaIxqUbCP12nQrNldLoxs=",
    "django-scrypt": "scrypt$1024$NaClNaClNaCl$8$5$O/giG9LG0FMPMFqb8LOXJlaBDrqKpCawtJHPXMK1kjScYcG1"
    "rSrGktJ2MsWhE5LfYtqeFSmGONk74h4WhU78uA==",
    "passlib-pbkdf2": "$pbkdf2-sha256$1000$DQFgjJEyJkToHUPonTNGSA$"
    "agz7MtL0IUIfdEE64H3dkfkXjamuHEqSx0/W9SBgSPE",
    "phc-pbkdf2": "$pbkdf2-sha256$i=1000,l=32$DQFgjJEyJkToHUPonTNGSA$"
    "agz7MtL0IUIfdEE64H3dkfkXjamuHEqSx0/W9SBgSPE",
    "passlib-pbkdf2-sha512": "$pbkdf2-sha512$1000$51yLcW6tVYoRonROqTXmPA$q1NQcBXyIsmjeaHqwB21ParOtJ"
    "Q9iOUuYozorvj3n6H78znwtSJEyUEq.JgJgegDRdQE2t.lrtIf1tFpsKwf9w",
    "passlib-pbkdf2-sha1": "$pbkdf2$1000$/z8nJGQMYexdC0FIqbX2Xg$QsNBlKm3t0TNwURLho8xvmQRI.4",
    "scrypt": "$scrypt$ln=10,r=8,p=1$lNL6H4MQ4lzr3ZtzLiXEGA$"
    "eL00GRfP2QeWIeSQRvJw6RUn8kO+0E5xmz7Ono75xPE",
}


def lines(*users: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(user)}\n" for user in users)


def imported(server: Server, *users: dict[str, Any], flags: tuple[str, ...] = ()) -> str:
    """Import users, and return the summary."""
    ended = server.command("import-users", *flags, stdin=lines(*users))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def stored(server: Server, email: str, column: str = "password") -> Any:
    from sqlalchemy import text  # noqa: PLC0415

    with server.connected() as connection:
        query = text(f"SELECT {column} FROM accounts WHERE email = :email")  # noqa: S608
        return connection.execute(query, {"email": email}).scalar()


@pytest.fixture(scope="module", name="owners")
def _owners(server: Server) -> None:
    users = [
        {"email": f"{name}@Example.test", "password_hash": text} for name, text in HASHES.items()
    ]
    assert f"Created {len(HASHES)} accounts" in imported(server, *users)


@pytest.mark.usefixtures("owners")
@pytest.mark.parametrize("name", HASHES)
def test_an_imported_user_signs_in_with_the_present_password_alone(
    server: Server, client: httpx.Client, name: str
) -> None:
    user = User(client, f"{name}@example.test")
    assert not User(client, user.email, "wrong horse battery staple").can_sign_in()

    user.sign_in()

    assert stored(server, user.email).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert user.can_sign_in(), "the new hash is of another password"


def test_the_fields_of_a_user_are_those_of_the_account(
    server: Server, client: httpx.Client
) -> None:
    identity = "0123456789abcdef0123456789abcdef"
    imported(
        server,
        {
            "email": "grace@example.test",
            "email_verified": True,
            "name": "Grace Hopper",
            "role": "admin",
            "created_at": "2020-01-02T03:04:05+01:00",
            "id": identity,
            "password_hash": BCRYPT,
        },
        {"email": "off@example.test", "disabled": True, "password_hash": BCRYPT},
    )
    grace = User(client, "grace@example.test")
    grace.sign_in()

    assert grace.get("/v1/me").json() == {
        "id": identity,
        "email": "grace@example.test",
        "email_verified": True,
        "name": "Grace Hopper",
        "role": "admin",
        "created_at": "2020-01-02T02:04:05+00:00",
    }
    off = client.post("/v1/auth/login", json=User(client, "off@example.test").credentials)
    assert off.json()["code"] == "account_disabled"


def test_a_user_without_a_hash_sets_a_password_by_mail(
    server: Server, client: httpx.Client
) -> None:
    imported(server, {"email": "linus@example.test", "email_verified": True})
    linus = User(client, "linus@example.test")
    assert not linus.can_sign_in()
    assert not User(client, linus.email, "!").can_sign_in()

    client.post("/v1/auth/password/forgot", json={"email": linus.email})
    token = linus.token_mailed("Set a new password")
    body = {"token": token, "password": linus.password}
    assert client.post("/v1/auth/password/reset", json=body).status_code == 204
    assert linus.can_sign_in()


def test_a_file_that_is_imported_twice_changes_nothing(
    server: Server, client: httpx.Client
) -> None:
    line = {"email": "twice@example.test", "name": "Twice", "password_hash": BCRYPT}
    imported(server, line)
    user = User(client, "twice@example.test")
    user.sign_in()
    new = "another horse battery staple"
    body = {"current_password": PASSWORD, "new_password": new}
    assert user.post("/v1/auth/password/change", **body).is_success
    before = stored(server, user.email)

    for flags in ((), ("--update",)):
        assert "Created 0 accounts, and updated 0. 1 was there" in imported(
            server, line, flags=flags
        )

    assert stored(server, user.email) == before
    assert user.refresh().status_code == 200


def test_a_dry_run_changes_nothing(server: Server) -> None:
    accounts, events = server.count("accounts"), server.count("audit_events")

    said = imported(
        server, {"email": "dry@example.test", "password_hash": BCRYPT}, flags=("--dry-run",)
    )

    assert "Would create 1 account," in said
    assert (server.count("accounts"), server.count("audit_events")) == (accounts, events)


def test_an_existing_account_changes_only_if_asked(server: Server, user: User) -> None:
    user.prove_address()
    user.sign_in()
    line = {"email": user.email.upper(), "name": "Other", "password_hash": BCRYPT}

    imported(server, line)
    assert user.get("/v1/me").json()["name"] is None

    assert "updated 1" in imported(server, line, flags=("--update",))
    assert user.get("/v1/me").json()["name"] == "Other"
    assert not stored(server, user.email).startswith("$2b$")

    imported(server, {**line, "disabled": True}, flags=("--update",))
    assert user.get("/v1/me").status_code == 401, "the session of a disabled account goes on"


def test_an_address_that_is_proven_elsewhere_is_taken_from_a_registration_that_proved_nothing(
    server: Server, client: httpx.Client
) -> None:
    """A stranger who registers the addresses of others before the import would get them proven."""
    squatter = SecondFactorUser.registered(
        client, email="squatted@example.test", password="the password of a stranger"
    )
    verification = squatter.token_mailed("Confirm your e-mail address")
    squatter.sign_in()
    squatter.enrol()
    line = {"email": squatter.email, "email_verified": True, "password_hash": BCRYPT}

    imported(server, line, flags=("--update",))

    assert squatter.get("/v1/me").status_code == 401
    assert not squatter.can_sign_in()
    assert User(client, squatter.email).can_sign_in(), "it asks for the stranger's factor"
    answer = client.post("/v1/auth/verify-email", json={"token": verification})
    assert answer.json()["code"] == "invalid_code"


def test_wrong_lines_are_named_and_the_others_imported(
    server: Server, client: httpx.Client
) -> None:
    good = {"email": "good@example.test", "password_hash": BCRYPT}
    text = lines(
        {"password_hash": BCRYPT},
        {"email": "two..dots@example.test"},
        {"email": "hash@example.test", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"},
        {"email": "more@example.test", "emailVerified": True},
        {"email": "bool@example.test", "email_verified": "perhaps"},
    )
    ended = server.command("import-users", stdin=f"{text}no json\n\n{lines(good)}")

    said = ended.stderr.splitlines()
    assert [line.partition(" is ")[0].partition(": it ")[0] for line in said[:6]] == [
        "line 1: email",
        "line 2: email",
        "line 3: password_hash",
        "line 4: emailVerified",
        "line 5: email_verified",
        "line 6",
    ]
    assert "import the file again" in said[6]
    assert "5f4dcc" not in ended.stderr, "a hash is in a message"
    assert "6 lines are wrong" in ended.stdout
    assert ended.returncode == 1
    assert User(client, "good@example.test").can_sign_in()


@pytest.mark.parametrize(
    "expensive",
    [
        BCRYPT.replace("$04$", "$14$"),
        PHC.replace("m=256", "m=131073"),
        PHC.replace("m=256,t=2", "m=131072,t=5"),
        "$scrypt$ln=18,r=8,p=1$lNL6H4MQ4lzr3ZtzLiXEGA$eL00GRfP2QeWIeSQRvJw6Q",
        "$scrypt$ln=14,r=8,p=9$lNL6H4MQ4lzr3ZtzLiXEGA$eL00GRfP2QeWIeSQRvJw6Q",
        HASHES["passlib-pbkdf2"].replace("1000", "1500001"),
        HASHES["django-pbkdf2-sha1"].replace("1000", "2000001"),
    ],
)
def test_a_hash_that_would_hold_up_other_logins_is_refused(
    on_sqlite: Server, expensive: str
) -> None:
    ended = on_sqlite.command(
        "import-users", stdin=lines({"email": "slow@example.test", "password_hash": expensive})
    )

    assert ended.returncode == 1
    assert "must be" in ended.stderr
    assert on_sqlite.count("accounts") == 0


def test_a_dry_run_does_not_speak_of_lines_that_are_imported(on_sqlite: Server) -> None:
    ended = on_sqlite.command("import-users", "--dry-run", stdin="no json\n")

    assert ended.returncode == 1
    assert "Correct that line." in ended.stderr


def test_a_table_is_read_as_well(server: Server, client: httpx.Client) -> None:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["email", "email_verified", "name", "password_hash"])
    writer.writerow(["csv@example.test", "true", "Comma, Separated", BCRYPT])
    writer.writerow(["empty@example.test", "", "", ""])
    writer.writerow(["short@example.test"])

    ended = server.command("import-users", "--format", "csv", stdin=f"\ufeff{table.getvalue()}")

    assert ended.stderr.startswith("line 4: it must have 4 cells")
    user = User(client, "csv@example.test")
    user.sign_in()
    assert user.get("/v1/me").json()["name"] == "Comma, Separated"
    assert stored(server, "empty@example.test", "name") is None


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("email", "nonsense", "it must be an e-mail address such as ada@example.org."),
        ("email", 7, "it must be an e-mail address such as ada@example.org."),
        ("email_verified", "perhaps", "it must be true or false."),
        ("name", "two\nlines", "it must be text of at most 128 characters, in one line."),
        ("role", "owner", "it must be user or admin."),
        ("disabled", "perhaps", "it must be true or false."),
        ("created_at", "2020-01-02", "it must be a time with its zone, such as 2020-01-02T03:04Z."),
        ("locale", "German!", "it must be a language tag such as de or pt-BR."),
        ("id", "7", "it must have 32 characters of 0-9 and a-f."),
    ],
)
def test_a_wrong_value_is_answered_with_the_rule_in_words(
    on_sqlite: Server, field: str, value: object, rule: str
) -> None:
    user = {"email": "ada@example.org", field: value}

    ended = on_sqlite.command("import-users", "--dry-run", stdin=lines(user))

    assert ended.stderr.splitlines()[0] == f"line 1: {field} is {value!r}: {rule}"


def test_a_hash_that_is_no_text_is_answered_without_the_value(on_sqlite: Server) -> None:
    user = {"email": "ada@example.org", "password_hash": 5417}

    ended = on_sqlite.command("import-users", "--dry-run", stdin=lines(user))

    assert ended.stderr.startswith("line 1: password_hash: it must be text")
    assert "5417" not in ended.stderr


def test_one_account_and_one_line_are_counted_in_the_singular(on_sqlite: Server) -> None:
    user = {"email": "one@example.test"}
    on_sqlite.command("import-users", stdin=lines(user))

    ended = on_sqlite.command(
        "import-users", stdin=f"{lines(user, {'email': 'new@example.test'})}no json\n"
    )

    assert ended.stdout.strip() == (
        "Created 1 account, and updated 0. 1 was there already and stays as it is. 1 line is wrong."
    )
    assert ended.stderr.splitlines()[1].startswith("Correct that line ")


def test_columns_of_a_table_that_are_no_fields_are_named_before_any_line_is_read(
    on_sqlite: Server,
) -> None:
    table = "email,emailVerified,phone\nada@example.org,true\n"

    ended = on_sqlite.command("import-users", "--format", "csv", stdin=table)

    said = ended.stderr.splitlines()
    assert said[0].startswith("line 1: emailVerified, phone: no field of a user")
    assert "email, email_verified, name" in said[0]
    assert not said[1].startswith("line 2"), "the lines are read without their names"
    assert ended.returncode == 1


def test_json_lines_that_are_read_as_a_table_show_no_hash(on_sqlite: Server) -> None:
    user = {"email": "ada@example.org", "password_hash": BCRYPT}

    ended = on_sqlite.command("import-users", "--format", "csv", stdin=lines(user, user))

    assert ended.stderr.startswith("line 1: cell 1, cell 2: no field of a user")
    assert "without --format csv" in ended.stderr
    assert BCRYPT[-20:] not in ended.stderr


KEYCLOAK = {
    "id": "5a8d4d46-37dc-4a3c-8d2a-ae7a3c1c2b77",
    "createdTimestamp": 1577934245000,
    "username": "kc",
    "enabled": True,
    "emailVerified": True,
    "firstName": "Key",
    "lastName": "Cloak",
    "email": "kc@example.test",
    "credentials": [
        {
            "type": "password",
            "secretData": '{"value":"agz7MtL0IUIfdEE64H3dkfkXjamuHEqSx0/W9SBgSPE=",'
            '"salt":"DQFgjJEyJkToHUPonTNGSA==","additionalParameters":{}}',
            "credentialData": '{"hashIterations":1000,"algorithm":"pbkdf2-sha256",'
            '"additionalParameters":{}}',
        }
    ],
    "realmRoles": ["default-roles-example"],
}
KEYCLOAK_ARGON2 = {
    "email": "kc2@example.test",
    "credentials": [
        {
            "type": "password",
            "secretData": '{"value":"ijiUgyxiohChZE67rNekzII1iPMZ0jX+IWGOfGEe7TE=",'
            '"salt":"TmFDbE5hQ2xOYUNs"}',
            "credentialData": '{"hashIterations":2,"algorithm":"argon2","additionalParameters":'
            '{"hashLength":["32"],"memory":["256"],"type":["id"],"version":["1.3"],'
            '"parallelism":["4"]}}',
        }
    ],
}
AUTH0 = {
    "_id": {"$oid": "60425da93519d90068f82966"},
    "email_verified": False,
    "email": "a0@example.test",
    "passwordHash": BCRYPT,
    "connection": "Username-Password-Authentication",
}
AUTH0_CUSTOM = {
    "email": "a1@example.test",
    "custom_password_hash": {"algorithm": "argon2", "hash": {"value": PHC, "encoding": "utf8"}},
}


@pytest.mark.parametrize(
    ("shape", "user"),
    [
        ("keycloak", KEYCLOAK),
        ("keycloak", KEYCLOAK_ARGON2),
        ("auth0", AUTH0),
        ("auth0", AUTH0_CUSTOM),
    ],
    ids=["keycloak", "keycloak-argon2", "auth0", "auth0-custom"],
)
def test_the_exports_of_others_are_read(
    server: Server, client: httpx.Client, shape: str, user: dict[str, Any]
) -> None:
    imported(server, user, flags=("--shape", shape))

    assert User(client, user["email"]).can_sign_in()


@pytest.mark.parametrize(
    ("shape", "user"),
    [
        ("keycloak", {"email": "x@example.test", "credentials": [{"type": "password"}]}),
        ("keycloak", {"email": "x@example.test", "credentials": "none"}),
        ("auth0", {"email": "x@example.test", "custom_password_hash": {"hash": "x"}}),
        ("auth0", {"email": "x@example.test", "custom_password_hash": {"hash": {"value": 1}}}),
    ],
)
def test_a_foreign_hash_that_is_not_understood_is_a_problem_of_its_line(
    on_sqlite: Server, shape: str, user: dict[str, Any]
) -> None:
    ended = on_sqlite.command("import-users", "--shape", shape, stdin=lines(user))

    assert ended.returncode == 1
    assert ended.stderr.startswith("line 1: c")
    assert "Traceback" not in ended.stderr


def test_the_parameters_go_once_no_account_has_such_a_hash(
    own_server: Server,
) -> None:
    imported(own_server, {"email": "last@example.test", "password_hash": BCRYPT})
    own_server.command("prune")
    assert own_server.count("hash_parameters") == 1
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        User(client, "last@example.test").sign_in()

    own_server.command("prune")

    assert own_server.count("hash_parameters") == 0


def test_administrators_see_the_import(server: Server) -> None:
    before = server.count("audit_events")

    imported(server, {"email": "seen@example.test"}, {"email": "seen2@example.test"})

    assert server.count("audit_events") == before + 1
