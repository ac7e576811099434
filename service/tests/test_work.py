"""The work of frequent requests beside their hash, counted: seconds differ by machine."""

import asyncio

from auth.accounts import register as registration
from auth.service import Service
from auth.sign_in import password, refresh, sessions
from counting import built_statements
from users import PASSWORD

EMAIL = "ada@example.test"


def test_a_login_and_a_refresh_build_no_statement(service: Service) -> None:
    """SQLAlchemy takes longer to build a statement than the database takes to run it."""

    async def log_in_and_refresh() -> None:
        account, _ = await password.with_password(service, EMAIL, PASSWORD, device="")
        grant = await sessions.begin(service, account, amr=["pwd"])
        assert await refresh.refresh(service, grant.refresh_token)

    asyncio.run(registration.register(service, EMAIL, PASSWORD, locale=None))
    with built_statements() as built:
        asyncio.run(log_in_and_refresh())

    assert built == []
