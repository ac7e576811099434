"""Reads variables of the environment, and tells everything that is wrong with them at once."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from auth.errors import SettingsError
from auth.mail.carriers import NONE, STARTTLS, TLS, MailSettings

# The whole value must be made of such words: a real password may well hold one of them.
_PLACEHOLDER = re.compile(
    r"<.*>|([-_ .]*(change[-_ ]?(me|this|it)|placeholder|example|secret|password|key|token"
    r"|your|my|here|todo|tbd|x{3,}))+[-_ .!]*",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 32
_MOST_DIGITS = 18  # of a number that is read at all


class Reader:
    """Reads variables and remembers each problem, so that one start shows them all.

    Without `files` it reads no file that a variable names: they are where the service runs. Then
    nothing is said about what such a file would hold.
    """

    def __init__(self, environment: Mapping[str, str], *, files: bool = True) -> None:
        self.files = files
        self._environment = environment
        self._problems: list[str] = []
        self._names: set[str] = set()
        self._secret_names: set[str] = set()

    @property
    def secret_names(self) -> frozenset[str]:
        """Return the names of the secrets that were read or looked for."""
        return frozenset(self._secret_names)

    @property
    def problems(self) -> list[str]:
        """Return what is wrong, a sentence each, which begins with the name of a variable."""
        hidden = {name for name in self._names if not self.files and self._in_file(name)}
        return [
            problem
            for problem in self._problems
            if not hidden & set(re.findall(r"AUTH_[A-Z0-9_]+", problem))
        ]

    def refuse(self, problem: str) -> None:
        self._problems.append(problem)

    def refuse_unknown(self) -> None:
        """Refuse each variable of ours that nothing was read from: call it when all is read."""
        for name in sorted(self._environment):
            base = name.removesuffix("_FILE")
            if name.startswith("AUTH_") and not {name, base} & self._names:
                close = get_close_matches(base, sorted(self._names), n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                self.refuse(f"{name} is no setting of the service.{hint}")

    def raise_problems(self) -> None:
        if self._problems:
            lines = [f"  {problem}" for problem in self._problems]
            raise SettingsError("\n".join(["The service can't start:", *lines]))

    def optional(self, name: str, default: str) -> str:
        self._names.add(name)
        if name in self._environment:
            return self._environment[name].strip()
        if not self.files or not self._in_file(name):
            return default
        try:
            return Path(self._environment[f"{name}_FILE"]).read_text().strip()
        except (OSError, ValueError) as error:
            self.refuse(f"{name}_FILE can't be read: {error}")
            return default

    def _in_file(self, name: str) -> bool:
        return name not in self._environment and bool(self._environment.get(f"{name}_FILE"))

    def required(self, name: str) -> str:
        value = self.optional(name, "")
        if not value:
            self.refuse(f"{name} is not set. Set it, or {name}_FILE to a file with it.")
        return value

    def _secret(self, name: str) -> str:
        self._secret_names.add(name)
        return self.optional(name, "")

    def signing_key(self, name: str) -> str:
        self._secret_names.add(name)
        value = self.required(name)
        if value and "PRIVATE KEY" not in value:
            self.refuse(
                f"{name} is not a private key but a placeholder. Make one with: openssl genpkey "
                "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
            )
        return value

    def url(self, name: str) -> str:
        value = self.required(name).rstrip("/")
        parts = _split(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            self.refuse(f"{name} must be an http or https URL.")
            return ""  # others are made of its parts
        return value

    def integer(self, name: str, default: int, allowed: range) -> int:
        value = self.optional(name, str(default))
        digits = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
        if digits and int(value) in allowed:
            return int(value)
        self.refuse(f"{name} must be a whole number from {allowed.start} to {allowed.stop - 1}.")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.optional(name, default)
        if value not in choices:
            self.refuse(f"{name} must be one of {', '.join(choices)}.")
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, "false", ("true", "false")) == "true"

    def secret(self, name: str) -> str:
        value = self._secret(name)
        if value and (_PLACEHOLDER.fullmatch(value) or len(value) < _SHORTEST_SECRET):
            self.refuse(
                f"{name} is a placeholder, or shorter than {_SHORTEST_SECRET} characters. Make one "
                "with: openssl rand -base64 32"
            )
        return value

    def link(self, name: str, default: str) -> str:
        value = self.optional(name, default)
        parts = _split(value)
        relative = not parts.scheme and parts.path
        if not (parts.scheme in {"http", "https"} or relative) or "{token}" not in value:
            self.refuse(f"{name} must be an http or https URL with {{token}} in it.")
        return value

    def database(self, name: str) -> str:
        folder = self.optional("AUTH_DATA_DIR", "/data")
        value = self.optional(name, "")
        if not value:
            return f"sqlite:///{folder}/auth.sqlite"
        # what hosters and libpq write
        value = re.sub(r"^postgres://", "postgresql://", value)
        # it takes longer to import than all other settings to read; the service needs it anyway
        from sqlalchemy import make_url  # noqa: PLC0415
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            url = make_url(value)
        except ArgumentError:
            url = None
        if url is None or url.get_backend_name() not in {"sqlite", "postgresql"}:
            self.refuse(f"{name} must be a URL, postgresql://… or sqlite:///….")
        elif url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
            self.refuse(f"{name} must name a file: what is in memory is lost at the next release.")
        elif _PLACEHOLDER.fullmatch(url.password or ""):
            self.refuse(f"{name} has a placeholder as its password.")
        return value

    def mail(self, issuer: str) -> MailSettings:
        host = self.optional("AUTH_SMTP_HOST", "")
        security = self.choice("AUTH_SMTP_SECURITY", STARTTLS, (STARTTLS, TLS, NONE))
        port = self.integer("AUTH_SMTP_PORT", 465 if security == TLS else 587, range(1, 65536))
        sender = self.optional("AUTH_MAIL_FROM", f"no-reply@{_split(issuer).hostname or 'auth'}")
        if "@" not in parseaddr(sender)[1] or not sender.isprintable():
            self.refuse("AUTH_MAIL_FROM must be an address, as: Auth <no-reply@example.org>")
        username = self.optional("AUTH_SMTP_USERNAME", "")
        password = self._secret("AUTH_SMTP_PASSWORD")
        if host and _PLACEHOLDER.fullmatch(password):
            self.refuse("AUTH_SMTP_PASSWORD is a placeholder.")
        if bool(username) != bool(password):
            self.refuse("AUTH_SMTP_USERNAME and AUTH_SMTP_PASSWORD belong together.")
        if username and security == NONE:
            self.refuse("AUTH_SMTP_SECURITY is none, and would send the password in the clear.")
        return MailSettings(
            host=host,
            port=port,
            security=security,
            username=username,
            password=password,
            sender=sender,
        )


def _split(url: str) -> SplitResult:
    """Split a URL; one that can't be split has no part at all."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reads it, and raises if it is no number
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts if url.isprintable() else SplitResult("", "", "", "", "")
