"""The data that the service stores about a user (GDPR, articles 15 and 20), without secrets."""

import time
from typing import Any

from auth.service import Service
from auth.storage import (
    browser_sessions,
    consents,
    factors,
    identities,
    passkeys,
    sessions,
)
from auth.storage.accounts import Account

# of the newest, so that a file stays small whatever strangers do with an address
MOST_EVENTS = 5000


async def collect(service: Service, account: Account) -> dict[str, Any]:
    """Return the data, ready for JSON; times are Unix seconds, but for `created_at`."""
    read, now = service.database.read, time.time()
    has = await read(factors.of, account.id)
    return {
        "account": _part(
            account, "id email email_verified_at name role created_at password_changed_at locale"
        ),
        "browsers": [
            _part(browser, "address user_agent amr authenticated_at created_at expires_at")
            for browser in await read(browser_sessions.live, account.id, now)
        ],
        "sessions": [
            _part(
                session,
                "id client_id scope amr address user_agent authenticated_at created_at "
                "last_used_at expires_at",
            )
            for session in await read(sessions.live, account.id, now)
        ],
        "applications": [
            _part(consent, "client_id scope granted_at")
            for consent in await read(consents.of, account.id)
        ],
        "identities": [
            _part(identity, "issuer subject email created_at last_used_at")
            for identity in await read(identities.of, account.id)
        ],
        "second_factors": {
            "authenticator_app": has.totp,
            "recovery_codes_left": has.recovery_codes,
            "passkeys": [
                _part(passkey, "name created_at last_used_at")
                for passkey in await read(passkeys.every, account.id)
            ],
        },
        "events": await service.audit.page(
            before=None, size=MOST_EVENTS, event=None, account_id=account.id
        ),
    }


def _part(stored: object, names: str) -> dict[str, Any]:
    return {name: getattr(stored, name) for name in names.split()}
