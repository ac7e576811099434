"""The values of `make init`: their files, their profile, and the missing values."""

from pathlib import Path

import pytest

from components import keys
from stack import first_values, secrets
from stack.errors import StackError
from stack.first_values import QUESTIONS
from tests.unit.examples import SCHEMA


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".oci").mkdir()
    return tmp_path


def profile(home: Path, key: str, fingerprint: str) -> None:
    """Write a profile of Oracle's CLI."""
    (home / "key.pem").write_text(key)
    lines = {
        "tenancy": "ocid1.tenancy.oc1..aaaa",
        "user": "ocid1.user.oc1..aaaa",
        "fingerprint": fingerprint,
        "key_file": "~/key.pem",
        "region": "eu-madrid-1",
    }
    text = "\n".join(f"{name}={value}" for name, value in lines.items())
    (home / ".oci" / "config").write_text(f"[DEFAULT]\n{text}\n")
    (home / ".oci" / "config").chmod(0o600)


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "token.txt"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_each_variable_sets_a_key_of_the_program() -> None:
    own = {question.key.removeprefix("auth:") for question in QUESTIONS} - {"oci:region"}

    assert own <= set(SCHEMA)


def test_a_list_is_separated_by_commas_and_spaces() -> None:
    values = first_values.given({"ALERTS": "a@example.com, b@example.com"})

    assert values == {"auth:alertEmails": '["a@example.com", "b@example.com"]'}


@pytest.mark.parametrize("word", ["REGOIN=eu-madrid-1", "REGION"])
def test_an_unknown_variable_is_refused_with_the_known_names(word: str) -> None:
    with pytest.raises(StackError, match="COMPARTMENT"):
        first_values.variables([word])


def test_an_empty_variable_is_no_value() -> None:
    assert first_values.variables(["REGION=", "DOMAIN=a.example.com"]) == {
        "DOMAIN": "a.example.com"
    }


def test_a_secret_is_the_word_in_its_file(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "ghp_secret\n")

    assert first_values.given({"PUSH_TOKEN": str(file)}) == {"auth:registryPassword": "ghp_secret"}


def test_a_secret_in_the_place_of_its_file_is_refused_and_not_shown() -> None:
    with pytest.raises(StackError) as refusal:
        first_values.given({"PUSH_TOKEN": "ghp_secret"})

    assert "path of a file" in str(refusal.value)
    assert "ghp_secret" not in str(refusal.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "ghp_secret", 0o640)

    with pytest.raises(StackError, match=f"chmod 600 {file}"):
        first_values.given({"PULL_TOKEN": str(file)})


@pytest.mark.parametrize("text", ["", "two words"])
def test_a_file_without_a_single_word_is_refused(tmp_path: Path, text: str) -> None:
    file = secret_file(tmp_path, text)

    with pytest.raises(StackError, match="must have one word"):
        first_values.given({"PULL_TOKEN": str(file)})


def test_a_profile_gives_the_credentials_and_the_region(home: Path) -> None:
    private_key, _ = secrets.api_key()
    fingerprint = keys.api_key_fingerprint(private_key)
    profile(home, private_key, fingerprint)

    assert first_values.of_profile("DEFAULT") == {
        "oci:region": "eu-madrid-1",
        "oci:tenancyOcid": "ocid1.tenancy.oc1..aaaa",
        "oci:userOcid": "ocid1.user.oc1..aaaa",
        "oci:fingerprint": fingerprint,
        "oci:privateKey": private_key.strip(),
    }


def test_a_profile_with_the_key_of_another_fingerprint_is_refused(home: Path) -> None:
    private_key, _ = secrets.api_key()
    profile(home, private_key, "aa:bb")

    with pytest.raises(StackError, match=keys.api_key_fingerprint(private_key)):
        first_values.of_profile("DEFAULT")


def test_a_profile_with_a_text_that_is_no_key_is_refused_without_the_text(home: Path) -> None:
    profile(home, "a-secret", "aa:bb")

    with pytest.raises(StackError) as refusal:
        first_values.of_profile("DEFAULT")

    assert "no RSA private key in PEM" in str(refusal.value)
    assert "a-secret" not in str(refusal.value)


def test_an_unknown_profile_is_refused(home: Path) -> None:
    profile(home, "", "")

    with pytest.raises(StackError, match="PROFILE is 'nobody'"):
        first_values.of_profile("nobody")


@pytest.mark.usefixtures("home")
def test_a_machine_without_a_file_of_oracles_cli_gets_the_way_to_one() -> None:
    with pytest.raises(StackError, match="`oci setup config` makes it"):
        first_values.of_profile("DEFAULT")


def test_the_missing_values_are_the_required_ones_and_a_profile_for_the_region() -> None:
    assert first_values.missing({"auth:imageRepository": "ghcr.io/a/b"}) == [
        *("PROFILE", "COMPARTMENT", "SSH_FROM", "REGISTRY_USER", "PUSH_TOKEN", "PULL_TOKEN")
    ]


def test_a_stack_with_a_promoted_image_misses_no_token_that_can_push() -> None:
    assert "PUSH_TOKEN" not in first_values.missing({"auth:imageDigest": "sha256:0"})


def test_a_key_in_a_file_is_a_credential_as_well() -> None:
    values = {"oci:tenancyOcid": "ocid1.tenancy.oc1..aaaa", "oci:privateKeyPath": "key.pem"}

    assert first_values.missing(values)[0] == "REGION"
