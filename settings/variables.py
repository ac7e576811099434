"""The service's environment variables: auth:serviceSettings and auth:serviceSecrets."""

import asyncio
import json
import re
import shlex
from collections.abc import Collection, Mapping
from typing import Any

import pulumi

from components import service_settings
from components.endpoint import Endpoint
from settings.problems import ConfigurationError, Problem
from settings.values import Values

SETTINGS, SECRETS = "serviceSettings", "serviceSecrets"

# environment variables of the service that the program sets itself
SET_BY_PROGRAM = frozenset(
    {
        *("AUTH_ISSUER", "AUTH_ENVIRONMENT", "AUTH_SIGNING_KEY", "AUTH_PORT", "AUTH_DATA_DIR"),
        *("AUTH_DATABASE_URL", "AUTH_DATABASE_CA"),
    }
)
# For documentation (RFC 5737): the issuer of the service's check, as long as the VM's address is
# not known.
EXAMPLE_ADDRESS = "192.0.2.1"

_NAME = re.compile(r"AUTH_[A-Z0-9_]+")
_URL_WITH_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^/?#\s:@]*:[^/?#\s@]+@", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNKNOWN = " is not a setting of the service"  # as the service's check puts it
_SUGGESTION = re.compile(r" Did you mean (AUTH_\w+)\?")


def read(values: Values) -> tuple[dict[str, str], dict[str, str]]:
    """Return the plain variables and the secret variables, and collect the problems with them."""
    plain, secret = _variables(values, SETTINGS), _variables(values, SECRETS)
    values.problems += [
        _problem(SECRETS, f"{name} is in auth:{SETTINGS} as well; remove it from either key.")
        for name in sorted(plain.keys() & secret.keys())
    ]
    values.problems += [
        _not_secret(name, "holds a URL with a password")
        for name, value in sorted(plain.items())
        if _URL_WITH_PASSWORD.search(value)
    ]
    return plain, secret


def _variables(values: Values, key: str) -> dict[str, str]:
    """Read an object of variables; values that are not text become JSON.

    A problem names the variable and never its value, which may be a secret.
    """
    try:
        variables = json.loads(values.text(key, required=False) or "{}")
    except ValueError:
        variables = None
    if not isinstance(variables, dict):
        values.problems.append(_problem(key, "it must be an object, from names to values."))
        return {}
    texts = {}
    for name, value in sorted(variables.items()):
        if not _NAME.fullmatch(name):
            problem = f"{name} is not a variable of the service; names start with AUTH_."
            values.problems.append(_superfluous(key, name, problem))
        elif name.removesuffix("_FILE") in SET_BY_PROGRAM:
            values.problems.append(_superfluous(key, name, _set_by_program(name)))
        else:
            texts[name] = value if isinstance(value, str) else json.dumps(value)
    return texts


def _set_by_program(name: str) -> str:
    origin = ", from auth:databaseUrl and auth:databaseCa" if "DATABASE" in name else ""
    return f"{name} is set by this program{origin}."


def of_program(*, endpoint: Endpoint, environment: str) -> dict[str, str]:
    """Return the variables that the program sets, for the service's check; no signing key."""
    issuer = f"{endpoint.protocol.lower()}://{endpoint.domain or EXAMPLE_ADDRESS}"
    return {"AUTH_ISSUER": issuer, "AUTH_ENVIRONMENT": environment}


def checked(
    variables: Mapping[str, pulumi.Input[str]], *, secret: Collection[str]
) -> pulumi.Output[dict[str, str]]:
    """Return all variables, known once the service's own check accepts them.

    The check runs in a thread, as it takes a fifth of a second, in which the engine works.
    """
    stack = pulumi.get_stack()

    async def check(known: dict[str, Any]) -> dict[str, str]:
        try:
            problems = await asyncio.to_thread(refused_by_service, known, secret=secret)
        except service_settings.SourcesError as error:
            raise pulumi.RunError(f"The service's sources can't be imported: {error}") from None
        if problems:
            raise ConfigurationError(problems).of_stack(stack)
        return known

    return pulumi.Output.all(**variables).apply(check)


def refused_by_service(variables: Mapping[str, str], *, secret: Collection[str]) -> list[Problem]:
    """Return the problems that the service finds; `secret` names the secret variables.

    The service needs all variables that the program sets, but here some of them may be missing.
    """
    operators = {*variables} - SET_BY_PROGRAM
    if not operators:
        return []
    problems = [
        _not_secret(name, "is a secret of the service")
        for name in sorted((operators - {*secret}) & service_settings.secret_names())
    ]
    for sentence in service_settings.problems(variables):
        name = sentence.partition(" ")[0].partition("[")[0]
        if name in SET_BY_PROGRAM and name not in variables:
            continue
        key, text = SECRETS if name in secret else SETTINGS, _advised(sentence)
        unknown = _UNKNOWN in sentence
        problems.append(_superfluous(key, name, text) if unknown else _problem(key, text, name))
    return problems


def _advised(sentence: str) -> str:
    """Return the service's sentence, without the suggestion of a name that operators can't set."""
    suggestion = _SUGGESTION.search(sentence)
    if suggestion and suggestion[1].removesuffix("_FILE") in SET_BY_PROGRAM:
        text = sentence.replace(suggestion[0], "")
        return f"{text} {suggestion[1]} is set by this program."
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _problem(key: str, text: str, name: str = "NAME") -> Problem:
    return Problem(
        f"auth:{key}: {text} docs/service.md lists the names.",
        f"pulumi config set {'--secret ' if key == SECRETS else ''}--path auth:{key}.{name} "
        + ("< FILE" if key == SECRETS else "VALUE"),
    )


def _superfluous(key: str, name: str, text: str) -> Problem:
    """Return the problem of a variable that must go, as no value would be right."""
    path = f"auth:{key}.{name}" if _PLAIN.fullmatch(name) else f"auth:{key}[{json.dumps(name)}]"
    return Problem(
        f"auth:{key}: {text} docs/service.md lists the names.",
        f"pulumi config rm --path {shlex.quote(path)}",
    )


def _not_secret(name: str, reason: str) -> Problem:
    return Problem(
        f"auth:{SETTINGS}: {name} {reason}, and `docker inspect` shows "
        f"such variables. Move it to auth:{SECRETS}, from a file with the value:",
        f"pulumi config rm --path auth:{SETTINGS}.{name} && \\\n      "
        f"pulumi config set --secret --path auth:{SECRETS}.{name} < FILE",
    )
