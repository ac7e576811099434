"""The parameters of imported password hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "hash_parameters",
        sa.Column("beginning", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("beginning"),
    )
