"""The language of an account, in which its user gets mails."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("locale", sa.String(length=35)))
