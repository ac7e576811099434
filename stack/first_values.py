"""The values that a new stack takes from a person: as variables of make, or typed at a terminal.

A secret is typed without an echo, or its variable names a file that only its owner can read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components import keys
from stack.errors import StackError

PROFILE, SOURCE = "PROFILE", "FROM"
_OTHERS_MAY_READ = 0o077


@dataclass(frozen=True, kw_only=True)
class Question:
    """A value of the configuration, by the variable of make that gives it."""

    variable: str
    key: str
    text: str
    example: str
    is_secret: bool = False
    is_list: bool = False  # its items are separated by commas or spaces
    is_optional: bool = False
    spared_by: str = ""  # a key with which the value is not needed

    def value(self, text: str) -> str:
        """Return a typed value as the engine passes it to the program: a list as JSON."""
        items = text.replace(",", " ").split()
        return json.dumps(items) if self.is_list else text.strip()


QUESTIONS = (
    Question(
        variable="REGION",
        key="oci:region",
        text="region of Oracle Cloud",
        example="eu-madrid-1",
    ),
    Question(
        variable="COMPARTMENT",
        key="auth:compartmentOcid",
        text="OCID of the compartment that holds everything",
        example="ocid1.compartment.oc1..…",
    ),
    Question(
        variable="SSH_FROM",
        key="auth:allowedSshCidrs",
        text="IPv4 blocks that may reach SSH",
        example="203.0.113.7/32",
        is_list=True,
    ),
    Question(
        variable="REPOSITORY",
        key="auth:imageRepository",
        text="repository of the images",
        example="ghcr.io/OWNER/auth-service",
    ),
    Question(
        variable="REGISTRY_USER",
        key="auth:registryUsername",
        text="user name at the registry",
        example="OWNER",
    ),
    Question(
        variable="PUSH_TOKEN",
        key="auth:registryPassword",
        text="registry token of the builder, which may push",
        example="write-token.txt",
        is_secret=True,
        spared_by="auth:imageDigest",
    ),
    Question(
        variable="PULL_TOKEN",
        key="auth:registryPullPassword",
        text="registry token of the server, which may only read",
        example="read-token.txt",
        is_secret=True,
    ),
    Question(
        variable="PULL_USER",
        key="auth:registryPullUsername",
        text="user name of the server at the registry, if it is another",
        example="OWNER",
        is_optional=True,
    ),
    Question(
        variable="DOMAIN",
        key="auth:domain",
        text="DNS name of the service, once its record leads to the server",
        example="auth.example.com",
        is_optional=True,
    ),
    Question(
        variable="ALERTS",
        key="auth:alertEmails",
        text="e-mail addresses of the people on call",
        example="oncall@example.com",
        is_list=True,
        is_optional=True,
    ),
    Question(
        variable="BUDGET",
        key="auth:monthlyBudget",
        text="amount of money for a month, in the currency of the tenancy",
        example="20",
        is_optional=True,
    ),
)
OF_PROFILE = ("oci:tenancyOcid", "oci:userOcid", "oci:fingerprint", "oci:privateKey")
# The stacks of a product have their images in common, and no other value.
SHARED = (
    *("auth:imageRepository", "auth:registryUsername", "auth:registryPassword"),
    *("auth:registryPullUsername", "auth:registryPullPassword"),
)
SECRET_KEYS = frozenset(
    {"oci:privateKey", *(question.key for question in QUESTIONS if question.is_secret)}
)


def variables(words: Sequence[str]) -> dict[str, str]:
    """Return the variables of `NAME=VALUE` words; raise StackError for an unknown name."""
    known = [PROFILE, SOURCE, *(question.variable for question in QUESTIONS)]
    read = dict(word.split("=", 1) for word in words if "=" in word)
    unknown = [word.partition("=")[0] for word in words if word.partition("=")[0] not in known]
    if unknown or len(read) != len(words):
        raise StackError(
            f"{', '.join(unknown) or 'A word without `=`'} is no value of `make init`. These are: "
            f"{', '.join(known)}."
        )
    return {name: value for name, value in read.items() if value.strip()}


def given(named: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the variables by key, secrets from their files."""
    return {
        question.key: _secret(question.variable, named[question.variable])
        if question.is_secret
        else question.value(named[question.variable])
        for question in QUESTIONS
        if question.variable in named
    }


def of_profile(name: str) -> dict[str, str]:
    """Return the values of a profile of Oracle's CLI, with its key; raise StackError for a fault.

    The key must be that of the profile's fingerprint: a file that was mistaken for another would
    be refused by Oracle only later.
    """
    import oci  # noqa: PLC0415 - takes most of a second

    try:
        profile = oci.config.from_file(profile_name=name)
    except oci.exceptions.ConfigFileNotFound:
        raise StackError(
            "There is no ~/.oci/config. `oci setup config` makes it, as does the preview of the "
            "configuration file at an API key in Oracle's console."
        ) from None
    except oci.exceptions.ProfileNotFound:
        raise StackError(
            f"{PROFILE} is {name!r}, and ~/.oci/config has no profile of that name. Its profiles "
            "begin with a line such as [DEFAULT]."
        ) from None
    file = Path(str(profile.get("key_file", ""))).expanduser()
    private_key, fingerprint = _content(file, name), str(profile.get("fingerprint", ""))
    try:
        present = keys.api_key_fingerprint(private_key)
    except ValueError as error:
        raise StackError(
            f"{PROFILE} is {name!r}, and its key_file is {file}: no RSA private key in PEM "
            f"({error}). The configuration encrypts the key itself, so without a passphrase: "
            f"`openssl rsa -in {file} -out FILE`, and name that file in the profile."
        ) from None
    if present != fingerprint:
        raise StackError(
            f"{PROFILE} is {name!r}, and its fingerprint is {fingerprint or 'empty'}, but the key "
            f"in {file} has {present}. Name the file of this key, or the fingerprint of that file."
        )
    return {
        "oci:region": str(profile.get("region", "")),
        "oci:tenancyOcid": str(profile.get("tenancy", "")),
        "oci:userOcid": str(profile.get("user", "")),
        "oci:fingerprint": fingerprint,
        "oci:privateKey": private_key,
    }


def missing(values: Mapping[str, str]) -> list[str]:
    """Return the variables of the required values that are not there yet."""
    lacks_key = not (values.get("oci:privateKey") or values.get("oci:privateKeyPath"))
    lacking = [
        question.variable
        for question in QUESTIONS
        if not question.is_optional
        and not values.get(question.spared_by)
        and values.get(question.key, "") in {"", "[]"}
    ]
    if lacks_key or not values.get("oci:tenancyOcid"):
        # a profile has a region as well
        return [PROFILE, *(name for name in lacking if name != "REGION")]
    return lacking


def described(variable: str) -> str:
    """Return the meaning of a variable, with an example."""
    if variable == PROFILE:
        return "profile of ~/.oci/config with the API key of deployments, such as DEFAULT"
    (question,) = (each for each in QUESTIONS if each.variable == variable)
    file = "; the file with it" if question.is_secret else ""
    return f"{question.text}{file}, such as {question.example}"


def _content(file: Path, profile: str) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise StackError(
            f"{PROFILE} is {profile!r}, and its key_file {file} can't be read: {reason}."
        ) from None


def _secret(variable: str, path: str) -> str:
    """Return the secret in a file; a message has the path only if there is such a file."""
    file = Path(path).expanduser()
    try:
        mode, text = file.stat().st_mode, file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise StackError(
            f"{variable} must be the path of a file with the secret, and there is no such text "
            "file. The secret itself would stay in the history of the shell: if it was typed "
            "there, make a new secret."
        ) from None
    if mode & _OTHERS_MAY_READ:
        raise StackError(f"{variable}: others can read {file}. Close it first: chmod 600 {file}")
    if len(text.split()) != 1:
        raise StackError(
            f"{variable}: {file} must have one word, the secret; it has {len(text.split())}."
        )
    return text
