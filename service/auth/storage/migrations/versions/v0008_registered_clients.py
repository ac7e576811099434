"""Applications that registered themselves, with an initial access token."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "registered_clients",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("registration", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("client_id"),
    )
