"""The browser session behind a code and a session, for logout at an application's request."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("browser_sessions", sa.Column("id", sa.String(length=32)))
    op.add_column("oauth_codes", sa.Column("browser_id", sa.String(length=32)))
    op.add_column("sessions", sa.Column("browser_id", sa.String(length=32)))
