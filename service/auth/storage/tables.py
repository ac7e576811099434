"""Every table. The code of the previous release must still work after each migration.

Times are Unix seconds, as of `time.time()`. A secret that lets somebody in (a refresh token, a
code, a link in a mail) is stored as a SHA-256 hash, in base64url; a secret that has to be read
again (a TOTP secret, a private key) is sealed by `auth.crypto.sealing`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

_HASH = String(43)


def _account(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(
        "account_id",
        ForeignKey("accounts.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=nullable,
    )


def _signing_keys(name: str) -> Table:
    return Table(
        name,
        METADATA,
        Column("kid", _HASH, primary_key=True),
        Column("algorithm", String(16), nullable=False),
        Column("private_key", Text, nullable=False),
        Column("created_at", Double, nullable=False),
        # the next, current and retired keys follow from these, by the reader's clock
        Column("activates_at", Double, nullable=False),
    )


# `created_at` is RFC 3339, as the first release wrote it. Columns that it does not write are
# nullable or have a default in the database.
ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("password", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("email_verified_at", Double),
    Column("disabled_at", Double),
    Column("role", String(16), nullable=False, server_default=text("'user'")),
    Column("name", String(128)),
    Column("password_changed_at", Double),
    # a language tag; RFC 5646 §4.4.1 has the length
    Column("locale", String(35)),
)

# how hashes begin that other software made: a login that fails takes as long as the slowest of them
HASH_PARAMETERS = Table(
    "hash_parameters", METADATA, Column("beginning", String(64), primary_key=True)
)

# a sign-in of a client: the family of all the refresh tokens that descend from it
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String(32), primary_key=True),
    _account(),
    Column("client_id", String(64), nullable=False),
    Column("scope", String(255), nullable=False, server_default=text("''")),
    Column("amr", String(64), nullable=False, server_default=text("'pwd'")),
    Column("authenticated_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("revoked_at", Double),
    Column("revoked_why", String(32)),
    Column("address", String(45), nullable=False, server_default=text("''")),
    Column("user_agent", String(255), nullable=False, server_default=text("''")),
    # the browser session that it was begun in; NULL for a session of the API or of release 0002
    Column("browser_id", String(32)),
    # JSON of `auth.tokens.requested_claims`; NULL if nothing was asked for by name
    Column("requested_claims", Text),
    # the thumbprint of the key that refreshes have to prove; NULL for a session without a key
    Column("dpop_key", _HASH),
    Index("ix_sessions_account_id", "account_id"),
)

REFRESH_TOKENS = Table(
    "refresh_tokens",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("parent_hash", _HASH),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("used_at", Double),
    Index("ix_refresh_tokens_session_id", "session_id"),
    Index("ix_refresh_tokens_parent_hash", "parent_hash"),
)

# links in mails: verify an address, reset a password
ACTION_TOKENS = Table(
    "action_tokens",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    _account(),
    Column("purpose", String(32), nullable=False),
    Column("email", String(254), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("used_at", Double),
    Index("ix_action_tokens_account_id_purpose", "account_id", "purpose"),
)

# the key that seals all the others, wrapped once under each configured secret that may open it
DATA_KEYS = Table(
    "data_keys",
    METADATA,
    Column("id", _HASH, primary_key=True),
    Column("wrapped", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

SIGNING_KEYS = _signing_keys("signing_keys")

# beside the others, since an earlier release reads every row of `signing_keys` and knows no RSA
RSA_SIGNING_KEYS = _signing_keys("rsa_signing_keys")

OAUTH_CODES = Table(
    "oauth_codes",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    _account(),
    Column("client_id", String(64), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", String(128), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("nonce", String(255)),
    Column("amr", String(64), nullable=False),
    Column("authenticated_at", Double, nullable=False),
    # the session that the code was traded for; revoked if somebody comes with the code again
    Column("session_id", String(32)),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("used_at", Double),
    Column("browser_id", String(32)),
    Column("requested_claims", Text),
    Column("dpop_key", _HASH),
)

# authorization requests that clients sent by themselves; the browser brings their names alone
PUSHED_REQUESTS = Table(
    "pushed_requests",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    Column("client_id", String(64), nullable=False),
    Column("query", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

# used assertions of clients, so that none counts twice
CLIENT_ASSERTIONS = Table(
    "client_assertions",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

# `registration` is JSON as AUTH_CLIENTS has it; a secret is in it as a hash alone
REGISTERED_CLIENTS = Table(
    "registered_clients",
    METADATA,
    Column("client_id", String(64), primary_key=True),
    Column("registration", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

# ends of sessions that clients are not notified of yet; they outlive their account
LOGOUT_NOTICES = Table(
    "logout_notices",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("client_id", String(64), nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("session_id", String(32), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("next_try_at", Double, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)

# changes of accounts that an endpoint of webhooks does not know yet; they outlive their account
WEBHOOK_MESSAGES = Table(
    "webhook_messages",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("endpoint", String(64), nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("next_try_at", Double, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)

# sign-ins of devices, until the user has decided and the device has its tokens
DEVICE_CODES = Table(
    "device_codes",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    Column("user_code_hash", _HASH, nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("pause", Double, nullable=False),
    Column("polled_at", Double),
    Column("decided_at", Double),
    _account(nullable=True),
    Column("amr", String(64), nullable=False, server_default=text("''")),
    Column("authenticated_at", Double, nullable=False, server_default=text("0")),
    Index("ix_device_codes_account_id", "account_id"),
    Index("ix_device_codes_user_code_hash", "user_code_hash", unique=True),
)

OAUTH_CONSENTS = Table(
    "oauth_consents",
    METADATA,
    _account(primary_key=True),
    Column("client_id", String(64), primary_key=True),
    Column("scope", String(255), nullable=False),
    Column("granted_at", Double, nullable=False),
)

# users of upstreams that may sign in to the account
IDENTITIES = Table(
    "identities",
    METADATA,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    _account(),
    Column("email", String(254), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double, nullable=False),
    Index("ix_identities_account_id", "account_id"),
)

# the cookie of the sign-in page
BROWSER_SESSIONS = Table(
    "browser_sessions",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    _account(),
    Column("amr", String(64), nullable=False),
    Column("authenticated_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("address", String(45), nullable=False, server_default=text("''")),
    Column("user_agent", String(255), nullable=False, server_default=text("''")),
    # its name in sessions and codes; the hash changes with each new cookie
    Column("id", String(32)),
    Index("ix_browser_sessions_account_id", "account_id"),
)

TOTP_SECRETS = Table(
    "totp_secrets",
    METADATA,
    _account(primary_key=True),
    Column("secret", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("confirmed_at", Double),
    # RFC 6238 §5.2: the time step of the last accepted code, so that no step is accepted twice
    Column("last_step", BigInteger),
)

RECOVERY_CODES = Table(
    "recovery_codes",
    METADATA,
    _account(primary_key=True),
    Column("hash", _HASH, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double),
)

WEBAUTHN_CREDENTIALS = Table(
    "webauthn_credentials",
    METADATA,
    # base64url; the specification allows 1023 bytes
    Column("id", String(1364), primary_key=True),
    _account(),
    Column("public_key", Text, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("transports", String(255), nullable=False, server_default=text("''")),
    Column("aaguid", String(36), nullable=False, server_default=text("''")),
    Column("backed_up", Boolean, nullable=False, server_default=text("false")),
    Column("name", String(128), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Index("ix_webauthn_credentials_account_id", "account_id"),
)

# an open question to a browser: a passkey, a second factor after the password
CHALLENGES = Table(
    "challenges",
    METADATA,
    Column("hash", _HASH, primary_key=True),
    _account(nullable=True),
    Column("purpose", String(32), nullable=False),
    Column("data", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("used_at", Double),
)

RATE_LIMITS = Table(
    "rate_limits",
    METADATA,
    Column("bucket", String(128), primary_key=True),
    Column("level", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

LOCKOUTS = Table(
    "lockouts",
    METADATA,
    Column("subject", String(128), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Double, nullable=False),
    Column("locked_until", Double),
    Column("expires_at", Double, nullable=False, index=True),
)

# outlives its account, so it refers to nothing
AUDIT_EVENTS = Table(
    "audit_events",
    METADATA,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("at", Double, nullable=False, index=True),
    Column("event", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("account_id", String(32), index=True),
    Column("actor_id", String(32)),
    Column("session_id", String(32)),
    Column("client_id", String(64)),
    Column("address", String(45), nullable=False, server_default=text("''")),
    Column("user_agent", String(255), nullable=False, server_default=text("''")),
    Column("request_id", String(64), nullable=False, server_default=text("''")),
    Column("detail", Text, nullable=False, server_default=text("'{}'")),
)
