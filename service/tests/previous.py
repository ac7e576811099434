"""The previous release's use of the database: its statements and tokens, unchanged.

When a release changes the schema again, this becomes that release's predecessor.
"""

import time
import uuid
from datetime import UTC, datetime

from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import ECKey
from running import ISSUER
from sqlalchemy import (
    Column,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

_METADATA = MetaData()
_ACCOUNTS = Table(
    "accounts",
    _METADATA,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("password", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
)
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


class PreviousRelease:
    class Taken(Exception):  # noqa: N818 - the address has an account
        pass

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._engine = create_engine(parsed, poolclass=NullPool)

    def prepare(self) -> None:
        _METADATA.create_all(self._engine)

    def check(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM accounts LIMIT 1"))

    def add(self, email: str, password: str) -> None:
        row = {
            "id": uuid.uuid4().hex,
            "email": email,
            "password": _HASHER.hash(password),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_ACCOUNTS).values(row))
        except IntegrityError:
            raise self.Taken from None

    def verifies(self, email: str, password: str) -> bool:
        with self._engine.connect() as connection:
            rows = connection.execute(select(_ACCOUNTS).where(_ACCOUNTS.c.email == email))
            row = rows.mappings().one()
        return bool(_HASHER.verify(row["password"], password))

    def set_password(self, email: str, password: str) -> None:
        with self._engine.begin() as connection:
            changed = update(_ACCOUNTS).where(_ACCOUNTS.c.email == email)
            connection.execute(changed.values(password=_HASHER.hash(password)))

    @staticmethod
    def token(key: str, subject: str) -> str:
        signing = ECKey.import_key(key)
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": uuid.uuid4().hex,
        }
        header = {"alg": "ES256", "typ": "at+jwt", "kid": signing.thumbprint()}
        return jwt.encode(header, claims, signing)
