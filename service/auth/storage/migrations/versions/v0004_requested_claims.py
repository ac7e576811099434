"""The claims that an application asked for by name, for its ID tokens and for userinfo."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("oauth_codes", sa.Column("requested_claims", sa.Text()))
    op.add_column("sessions", sa.Column("requested_claims", sa.Text()))
