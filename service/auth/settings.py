"""The settings of the service: environment variables, checked together before it starts.

Each is declared once, with its default, its bounds and its description. The table in
docs/service.md is made from them (`make variables`).
"""

import os
import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from auth import colors
from auth.clients import endpoints, registration
from auth.clients.clients import Clients
from auth.clients.endpoints import Endpoint
from auth.errors import SettingsError
from auth.languages import AVAILABLE
from auth.mail.carriers import NONE, STARTTLS, TLS, MailSettings
from auth.protection import addresses
from auth.protection.addresses import Network
from auth.protection.rates import DEFAULTS, Rate, rates
from auth.upstreams import configuration
from auth.upstreams.configuration import Upstream
from auth.variables import Environment, about_others, described, name_of, not_set

__all__ = ["Settings", "SettingsError"]

DAY = 86_400
PRODUCTION, DEVELOPMENT = "production", "development"
_SHORTEST_SECRET = 32
_MOST_DIGITS = 18  # a longer number is not read
# The whole value must consist of such words: a real password may well hold some of them.
_PLACEHOLDER = re.compile(
    r"<.*>|([-_ .]*(change[-_ ]?(me|this|it)|placeholder|example|secret|password|key|token"
    r"|your|my|here|todo|tbd|x{3,}))+[-_ .!]*",
    re.IGNORECASE,
)
# an origin as browsers send it (RFC 6454 §6.1): no path, no trailing slash, no `null`, no `*`
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
# the begin of an SVG image, after its prolog: https://www.w3.org/TR/xml/#sec-prolog-dtd
_SVG = re.compile(
    r"\ufeff?(\s|<\?((?!\?>).)*\?>|<!--((?!-->).)*-->|<!DOCTYPE[^<>\[]*>)*<svg\b", re.DOTALL
)
_COLLECTOR = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+")


def _digits(value: Any) -> Any:
    # int() takes more than that, such as 1_000
    if isinstance(value, str) and not (
        value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    ):
        raise ValueError("is not a whole number")
    return value


def _true_or_false(value: Any) -> Any:
    if value not in {True, False, "true", "false"}:
        raise ValueError("must be true or false.")
    return value in {True, "true"}


def _one_of(*choices: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(filter(None, choices))}.")
        return value

    return BeforeValidator(check)


Whole = Annotated[int, BeforeValidator(_digits)]
Flag = Annotated[bool, BeforeValidator(_true_or_false)]


def _secret(default: Any, description: str) -> Any:
    return Field(default, description=description, repr=False, json_schema_extra={"secret": True})


def _shown(default: Any, description: str, *, default_text: str, repr: bool = True) -> Any:  # noqa: A002
    """Declare a field whose default is shown in the documentation by a text."""
    shown: dict[str, Any] = {"shown": default_text}
    if callable(default):
        return Field(
            default_factory=default, description=description, repr=repr, json_schema_extra=shown
        )
    return Field(default, description=description, repr=repr, json_schema_extra=shown)


class Settings(BaseSettings):
    """The settings, as fields in lower case without AUTH_: times in seconds unless named otherwise.

    A field may use earlier fields.
    """

    model_config = SettingsConfigDict(
        frozen=True, validate_default=True, arbitrary_types_allowed=True
    )
    # without, no file is read that a value names
    reads_files: ClassVar[bool] = True

    issuer: str = Field(description="the URL of the service, as tokens carry it")
    signing_key: str = Field(
        description="private key, PEM: EC on P-256 (ES256) or Ed25519",
        repr=False,
        json_schema_extra={"secret": True},
    )
    audience: str = _shown(
        lambda data: data["issuer"],
        "the `aud` claim of access tokens",
        default_text="the issuer",
    )
    environment: Annotated[str, _one_of(PRODUCTION, DEVELOPMENT)] = Field(
        PRODUCTION, description="or `development`, which has the mailbox"
    )
    api_docs: Flag = _shown(
        lambda data: data.get("environment") == DEVELOPMENT,
        "`true` shows the description of the API at `/docs`",
        default_text="`true` in development alone",
    )
    data_dir: str = Field("/data", description="the folder of the SQLite database")
    database_url: str = _shown(
        "",
        "`postgresql://…` or `sqlite:///…`",
        default_text="SQLite in `AUTH_DATA_DIR`",
        repr=False,
    )
    migrate_at_start: Flag = Field(
        default=True,
        description="`false`: `python -m auth migrate` goes before, and nothing else migrates",
    )
    port: Whole = Field(8000, ge=1, le=65535, description="the port of the HTTP server")
    secret_key: str = _secret("", "seals secrets in the database; without it, the signing key does")
    secret_key_previous: str = _secret("", "the earlier secret key, after a change")
    revision: str = Field(
        "unversioned", description="the revision of the sources; the image has it"
    )
    revision_time: str = Field("", description="the time of that revision; the image has it")

    access_token_seconds: Whole = Field(
        600, ge=30, le=900, description="the lifetime of an access token"
    )
    refresh_token_seconds: Whole = Field(
        30 * DAY, ge=60, le=366 * DAY - 1, description="a session that is unused for so long ends"
    )
    refresh_grace_seconds: Whole = Field(
        10,
        ge=0,
        le=60,
        description="a refresh may be repeated for so long, in case its answer was lost",
    )
    session_seconds: Whole = Field(
        90 * DAY, ge=60, le=731 * DAY - 1, description="the longest life of a session"
    )
    reauthentication_seconds: Whole = Field(
        900, ge=1, le=DAY - 1, description="the maximum age of a recent login"
    )
    signing_algorithm: Annotated[str, _one_of("ES256", "Ed25519", "")] = _shown(
        "", "of the next signing key: `ES256` or `Ed25519`", default_text="that of the newest key"
    )
    signing_key_days: Whole = Field(
        0, ge=0, le=3650, description="the age at which a signing key is replaced; 0 is never"
    )
    signing_key_publish_seconds: Whole = Field(
        360, ge=0, le=DAY - 1, description="how long a key is published before it signs"
    )
    require_verified_email: Flag = Field(
        default=False, description="a login takes a verified address"
    )
    reveal_registered: Flag = Field(
        default=False, description="a registration answers 409 if the address is taken"
    )
    verify_url: str = _shown(
        lambda data: f"{data['issuer']}/verify-email?token={{token}}",
        "the link in mails that verify an address; `{token}` is replaced",
        default_text="a page of the service",
    )
    reset_url: str = _shown(
        lambda data: f"{data['issuer']}/reset-password?token={{token}}",
        "the link in mails that reset a password; `{token}` is replaced",
        default_text="a page of the service",
    )

    clients: Annotated[Clients, NoDecode] = _shown(
        "",
        "[the applications](service-sign-in.md#registering-an-application) that sign their users "
        "in here, JSON",
        default_text="`[]`",
    )
    brand_name: str = Field("", max_length=64, description="the name on the pages")
    brand_logo: str = _shown(
        "",
        "an SVG image on the pages; `AUTH_BRAND_LOGO_FILE` names its file",
        default_text="our mark",
        repr=False,
    )
    brand_color: str = _shown(
        "", "the colour of buttons and links, as `#3347c4`", default_text="`#3347c4`"
    )
    brand_color_dark: str = _shown(
        "", "the same where a browser asks for dark pages", default_text="`#a3b1ff`"
    )
    languages: Annotated[tuple[str, ...], NoDecode] = _shown(
        " ".join(AVAILABLE),
        "the languages of pages and mails, the first for users who ask for none of them",
        default_text=f"`{' '.join(AVAILABLE)}`",
    )
    registration_token: str = _secret(
        "",
        "the initial access token with which [applications register themselves]"
        "(service-sign-in.md#applications-that-register-themselves); without it, they can't",
    )
    upstreams: Annotated[tuple[Upstream, ...], NoDecode] = _shown(
        "",
        "[the providers](service-sign-in.md#signing-in-with-another-provider) that sign users in "
        "here, JSON",
        default_text="`[]`",
    )
    upstream_secrets: Annotated[Mapping[str, str], NoDecode] = _secret(
        "", "the client secret of each upstream by its `id`, JSON"
    )
    webhooks: Annotated[tuple[Endpoint, ...], NoDecode] = _secret(
        "", "the endpoints that learn of [changes of accounts](service-users.md#webhooks), JSON"
    )
    code_seconds: Whole = Field(
        60, ge=1, le=60, description="the lifetime of an authorization code"
    )
    browser_session_seconds: Whole = Field(
        DAY // 2,
        ge=60,
        le=90 * DAY,
        description="how long a browser stays signed in to the pages",
    )
    cookie_domain: str = _shown(
        "",
        "a domain whose hosts all share the sign-in",
        default_text="the issuer's host alone",
    )

    smtp_host: str = _shown("", "the mail server", default_text="none")
    smtp_security: Annotated[str, _one_of(STARTTLS, TLS, NONE)] = Field(
        STARTTLS, description="or `tls`, `none`"
    )
    smtp_port: Whole = Field(
        default_factory=lambda data: 465 if data["smtp_security"] == TLS else 587,
        ge=1,
        le=65535,
        description="the port of the mail server",
        json_schema_extra={"shown": "587; 465 with `tls`"},
    )
    smtp_username: str = Field("", description="the account at the mail server")
    smtp_password: str = _secret("", "the password of that account")
    mail_from: str = _shown(
        lambda data: f"no-reply@{_split(data['issuer']).hostname or 'auth'}",
        "the sender of mails",
        default_text="`no-reply@` the issuer's host",
    )

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = _shown(
        "loopback gateway",
        "the networks of the proxies whose `X-Forwarded-For` and `-Proto` count",
        default_text="`loopback gateway`",
    )
    https_only: Flag = Field(
        default=False,
        description="`true` leads a request that a proxy got by plain HTTP to the issuer, by the "
        "proxy's `X-Forwarded-Proto`",
    )
    acme_thumbprint: str = Field(
        "",
        description="the thumbprint of the account at a CA whose challenges the service answers "
        "(RFC 8555, HTTP-01)",
    )
    metrics_from: Annotated[tuple[Network, ...], NoDecode] = _shown(
        "loopback gateway",
        "the networks that may read the metrics",
        default_text="`loopback gateway`",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = _shown(
        "",
        "origins whose pages may call the API, as `https://app.example.org`",
        default_text="none",
    )
    rate_limits: Annotated[Mapping[str, Rate], NoDecode] = _shown(
        "",
        "changes of [the limits](service-operations.md#against-abuse): "
        "`login=10/60 register=off`; or `off`",
        default_text="",
    )
    lockout_after: Whole = Field(
        5, ge=1, le=1000, description="failed logins of an account from a client before a lock"
    )
    body_seconds: Whole = Field(
        30, ge=6, le=300, description="how long a request may take to arrive"
    )
    request_seconds: Whole = Field(
        30, ge=5, le=300, description="how long an answer may take to begin"
    )
    audit_days: Whole = Field(
        365, ge=1, le=3650, description="how long the database keeps audit events"
    )
    audit_events: Whole = Field(
        1_000_000,
        ge=1_000,
        le=100_000_000,
        description="the most audit events in the database; the oldest are deleted first",
    )
    otlp_endpoint: str = _shown(
        "", "the OpenTelemetry collector, as `http://collector:4318`", default_text="none"
    )

    hashing_workers: Whole = Field(2, ge=1, le=64, description="passwords hashed at once")
    hashing_queue: Whole = Field(32, ge=1, le=1024, description="passwords that may wait for that")
    drain_seconds: Whole = Field(
        1, ge=0, le=60, description="between a `/readyz` that answers 503 and the end"
    )

    @property
    def development(self) -> bool:
        return self.environment != PRODUCTION

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Return the secrets that seal the database, the current secret first."""
        # the signing key stands in: a secret less to keep for a service that never changes it
        return (
            self.secret_key or self.signing_key,
            *filter(None, [self.secret_key_previous, self.signing_key]),
        )

    @property
    def mail(self) -> MailSettings:
        return MailSettings(
            host=self.smtp_host,
            port=self.smtp_port,
            security=self.smtp_security,
            username=self.smtp_username,
            password=self.smtp_password,
            sender=self.mail_from,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `auth.variables` reads the environment, since only it knows NAME_FILE
        return (init_settings,)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read AUTH_* variables; NAME_FILE names a file that holds the value of NAME.

        Raise SettingsError, which lists every problem.
        """
        source = Environment(cls, environment, files=True)
        settings, problems = cls._read(source)
        if settings is None or problems:
            lines = [f"  {problem}" for problem in problems]
            raise SettingsError("\n".join(["The service can't start:", *lines]))
        return settings

    @classmethod
    def _read(cls, source: Environment) -> tuple[Self | None, list[str]]:
        values = source()
        try:
            return cls(**values), source.problems
        except ValidationError as error:
            return None, [*source.problems, *described(error, cls)]

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        value = value.rstrip("/")
        if not value:
            raise ValueError(not_set("issuer"))
        parts = _split(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http or https URL.")
        if parts.path or "?" in value or "#" in value:
            # OIDC Discovery §3 allows no query and no fragment; the pages are at the host's root
            raise ValueError("must have no path, no query and no fragment: give scheme and host.")
        return value

    @field_validator("signing_key")
    @classmethod
    def _signing_key(cls, value: str) -> str:
        if not value:
            raise ValueError(not_set("signing_key"))
        if "PRIVATE KEY" not in value:
            raise ValueError(
                "is not a private key but a placeholder. Make a key with: openssl genpkey "
                "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return f"sqlite:///{info.data.get('data_dir', '')}/auth.sqlite"
        # the scheme that hosters and libpq write
        value = re.sub(r"^postgres://", "postgresql://", value)
        # it takes longer to import than all other settings to read; the service needs it anyway
        from sqlalchemy import make_url  # noqa: PLC0415
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            url = make_url(value)
        except ArgumentError:
            url = None
        if url is None or url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise ValueError("must be a URL, postgresql://… or sqlite:///….")
        if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
            raise ValueError("must name a file: a database in memory is lost at the next release.")
        if _PLACEHOLDER.fullmatch(url.password or ""):
            raise ValueError("has a placeholder as its password.")
        return value

    @field_validator("secret_key", "secret_key_previous")
    @classmethod
    def _secret_key(cls, value: str) -> str:
        if value and (_PLACEHOLDER.fullmatch(value) or len(value) < _SHORTEST_SECRET):
            raise ValueError(
                f"is a placeholder, or shorter than {_SHORTEST_SECRET} characters. Make a secret "
                "with: openssl rand -base64 32"
            )
        return value

    @field_validator("verify_url", "reset_url")
    @classmethod
    def _link(cls, value: str) -> str:
        parts = _split(value)
        relative = not parts.scheme and parts.path
        if not (parts.scheme in {"http", "https"} or relative) or "{token}" not in value:
            raise ValueError("must be an http or https URL with {token} in it.")
        return value

    @field_validator("clients", mode="before")
    @classmethod
    def _clients(cls, value: Any) -> Clients:
        return registration.read(value, files=cls.reads_files)

    @field_validator("webhooks", mode="before")
    @classmethod
    def _webhooks(cls, value: Any) -> tuple[Endpoint, ...]:
        return endpoints.read(value)

    @field_validator("brand_logo")
    @classmethod
    def _brand_logo(cls, value: str) -> str:
        if value and not _SVG.match(value):
            raise ValueError("is no SVG image.")
        return value

    @field_validator("brand_color", "brand_color_dark")
    @classmethod
    def _brand_color(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        if not colors.FORM.fullmatch(value):
            raise ValueError("must be a colour as #3347c4.")
        grounds = colors.LIGHT if info.field_name == "brand_color" else colors.DARK
        least = min(colors.contrast(value, ground) for ground in grounds)
        if least < colors.ENOUGH:
            raise ValueError(
                f"can't be read: its contrast with the page is {least:.1f}, and has to be "
                f"{colors.ENOUGH}."
            )
        return value

    @field_validator("languages", mode="before")
    @classmethod
    def _languages(cls, value: str) -> tuple[str, ...]:
        codes = tuple(dict.fromkeys(value.replace(",", " ").split()))
        if not codes or not set(codes) <= set(AVAILABLE):
            raise ValueError(
                f"must list some of {', '.join(AVAILABLE)}; the first is for users who ask for "
                "no other."
            )
        return codes

    @field_validator("registration_token")
    @classmethod
    def _registration_token(cls, value: str) -> str:
        if value and (len(value) < _SHORTEST_SECRET or _PLACEHOLDER.fullmatch(value)):
            raise ValueError(
                f"is a placeholder, or shorter than {_SHORTEST_SECRET} characters. Make a token "
                "with: openssl rand -hex 32"
            )
        return value

    @field_validator("upstreams", mode="before")
    @classmethod
    def _upstreams(cls, value: str, info: ValidationInfo) -> tuple[Upstream, ...]:
        return configuration.read(value, development=info.data.get("environment") == DEVELOPMENT)

    @field_validator("upstream_secrets", mode="before")
    @classmethod
    def _upstream_secrets(cls, value: str, info: ValidationInfo) -> Mapping[str, str]:
        if "upstreams" not in info.data:
            return {}  # they have a problem of their own
        secrets = configuration.read_secrets(value, info.data["upstreams"])
        if any(map(_PLACEHOLDER.fullmatch, secrets.values())):
            raise ValueError("has a placeholder as a secret.")
        return secrets

    @field_validator("cookie_domain")
    @classmethod
    def _cookie_domain(cls, value: str, info: ValidationInfo) -> str:
        value = value.lower()
        host = urlsplit(info.data.get("issuer", "")).hostname or ""
        if value and not (_DOMAIN.fullmatch(value) and f".{host}".endswith(f".{value}")):
            raise ValueError("must be a domain that AUTH_ISSUER's host belongs to.")
        return value

    @field_validator("smtp_password")
    @classmethod
    def _smtp_password(cls, value: str, info: ValidationInfo) -> str:
        username = info.data.get("smtp_username", "")
        if info.data.get("smtp_host") and _PLACEHOLDER.fullmatch(value):
            raise ValueError("is a placeholder.")
        if bool(username) != bool(value):
            raise ValueError("AUTH_SMTP_USERNAME and AUTH_SMTP_PASSWORD belong together.")
        if username and info.data.get("smtp_security") == NONE:
            raise ValueError(
                "AUTH_SMTP_SECURITY is none, and would send the password in the clear."
            )
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1] or not value.isprintable():
            raise ValueError("must be an address, as: Auth <no-reply@example.org>")
        return value

    @field_validator("trusted_proxies", "metrics_from", mode="before")
    @classmethod
    def _networks(cls, value: str) -> tuple[Network, ...]:
        try:
            return addresses.networks(value)
        except ValueError:
            raise ValueError("must list networks: CIDRs, `loopback`, `gateway`.") from None

    @field_validator("https_only")
    @classmethod
    def _https_only(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get("issuer", "https://").startswith("https://"):
            raise ValueError("is true, and AUTH_ISSUER is no https URL.")
        return value

    @field_validator("acme_thumbprint")
    @classmethod
    def _acme_thumbprint(cls, value: str) -> str:
        if value and not _THUMBPRINT.fullmatch(value):
            raise ValueError("must be the 43 characters of a thumbprint (RFC 7638).")
        return value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _cors_origins(cls, value: str) -> tuple[str, ...]:
        origins = tuple(value.replace(",", " ").split())
        if not all(map(_ORIGIN.fullmatch, origins)):
            raise ValueError(
                "must list origins, as https://app.example.org, in lower case and without a "
                "path; `*` is not an origin."
            )
        return origins

    @field_validator("rate_limits", mode="before")
    @classmethod
    def _rate_limits(cls, value: str) -> Mapping[str, Rate]:
        try:
            return rates(value)
        except ValueError:
            raise ValueError(
                "must list limits as `login=60/60` (count/seconds) or `login=off`, or be `off`;"
                f" their names are {', '.join(DEFAULTS)}."
            ) from None

    @field_validator("otlp_endpoint")
    @classmethod
    def _otlp_endpoint(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not _COLLECTOR.fullmatch(value):
            raise ValueError("must be an http or https URL without credentials.")
        return value


class _WithoutFiles(Settings):
    """The same settings, judged elsewhere than where the service runs."""

    reads_files: ClassVar[bool] = False


def problems(environment: Mapping[str, str]) -> list[str]:
    """List the problems of an environment before the service starts, and elsewhere.

    Each is a sentence that begins with a variable's name. An unknown name is a problem here, since
    it is probably a mistake. A start ignores unknown names: an earlier release must start with the
    settings of a later one.
    """
    source = Environment(_WithoutFiles, environment, files=False)
    _, wrong = _WithoutFiles._read(source)  # noqa: SLF001 - the same class
    return about_others([*wrong, *source.unknown()], source.unjudged())


def secret_names() -> frozenset[str]:
    """Return the names of the variables that hold secrets."""
    return frozenset(
        name_of(name)
        for name, field in Settings.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("secret")
    )


def _split(url: str) -> SplitResult:
    """Split a URL; an invalid URL has empty parts."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reads it, and raises if it is no number
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts if url.isprintable() else SplitResult("", "", "", "", "")
