"""Notices of ended sessions, sign-ins of devices, and keys that tokens are bound to (DPoP)."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "logout_notices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("next_try_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_logout_notices_expires_at", "logout_notices", ["expires_at"])
    op.create_index("ix_logout_notices_next_try_at", "logout_notices", ["next_try_at"])
    op.create_table(
        "device_codes",
        sa.Column("hash", sa.String(length=43), nullable=False),
        sa.Column("user_code_hash", sa.String(length=43), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("pause", sa.Double(), nullable=False),
        sa.Column("polled_at", sa.Double()),
        sa.Column("decided_at", sa.Double()),
        sa.Column("account_id", sa.String(length=32)),
        sa.Column("amr", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("authenticated_at", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_device_codes_account_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_device_codes_expires_at", "device_codes", ["expires_at"])
    op.create_index("ix_device_codes_account_id", "device_codes", ["account_id"])
    op.create_index(
        "ix_device_codes_user_code_hash", "device_codes", ["user_code_hash"], unique=True
    )
    op.add_column("oauth_codes", sa.Column("dpop_key", sa.String(length=43)))
    op.add_column("sessions", sa.Column("dpop_key", sa.String(length=43)))
