"""Since when a program's Schedules follow the calendar; nothing for a launched program until a worker changes its Schedules."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE store.program ADD COLUMN calendar_since TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    op.execute("ALTER TABLE store.program DROP COLUMN calendar_since")
