"""Projects, answers apart, suggestions, leases, members, bulk actions, full-text search; the log only grows.

Revision: 0002, after 0001
"""

import time

import sqlalchemy as sa
from alembic import op

from db.search import create_index, drop_index, index_all

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FIELDS = [  # what items can hold in this release
    "mask", "caption_global", "caption_fine", "questions", "boxes", "points", "tags", "quality"
]  # fmt: skip


def upgrade() -> None:
    _new_tables()
    made = sa.text(
        "INSERT INTO project (name, instructions, answers, review, fields, created_at) VALUES (:n, '', 1, :no, :f, :at)"
    ).bindparams(sa.bindparam("f", type_=sa.JSON))
    now = time.time_ns() // 1_000_000
    op.get_bind().execute(made, {"n": "Infrared images", "no": False, "f": FIELDS, "at": now})

    with op.batch_alter_table("current") as current:
        current.drop_index("ix_current_state")
        current.add_column(sa.Column("project_id", sa.Integer(), nullable=True))
        current.add_column(sa.Column("changed", sa.Integer(), nullable=True))
        current.add_column(sa.Column("answers", sa.Integer(), nullable=False, server_default="0"))
        current.add_column(sa.Column("gold", sa.Boolean(), nullable=False, server_default=sa.false()))
        current.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE current SET changed = version, project_id = (SELECT min(id) FROM project),"
        " priority = (SELECT priority FROM item WHERE item.id = current.item_id),"
        " at = coalesce(at, (SELECT created_at FROM item WHERE item.id = current.item_id))"
    )
    with op.batch_alter_table("current") as current:
        for name in ("project_id", "changed"):
            current.alter_column(name, existing_type=sa.Integer(), nullable=False)
        current.alter_column("at", existing_type=sa.BigInteger(), nullable=False)
        for name in ("answers", "gold", "priority"):
            current.alter_column(name, server_default=None)
        current.create_foreign_key(op.f("fk_current_project_id_project"), "project", ["project_id"], ["id"])
    op.create_index("ix_current_queue", "current", ["project_id", "state", sa.text("priority DESC"), "item_id"])
    op.create_index("ix_current_newest", "current", ["project_id", "at", "state", "item_id"])
    op.create_index("ix_current_gold", "current", ["project_id", "gold"])

    with op.batch_alter_table("item") as item:
        item.add_column(sa.Column("project_id", sa.Integer(), nullable=True))
    op.execute("UPDATE item SET project_id = (SELECT min(id) FROM project)")
    with op.batch_alter_table("item") as item:
        item.alter_column("project_id", existing_type=sa.Integer(), nullable=False)
        item.drop_column("priority")
        item.drop_constraint("uq_item_sha256", type_="unique")
        item.create_unique_constraint(op.f("uq_item_project_id"), ["project_id", "sha256"])
        item.create_foreign_key(op.f("fk_item_project_id_project"), "project", ["project_id"], ["id"])
        item.create_index("ix_item_sha256", ["sha256"])

    with op.batch_alter_table("refinement_event") as event:
        event.drop_index("ix_refinement_event_item_id")
        event.add_column(sa.Column("answer_of", sa.String(length=100), nullable=False, server_default=""))
        event.add_column(sa.Column("version", sa.Integer(), nullable=True))
        event.add_column(sa.Column("batch", sa.String(length=64), nullable=True))
        event.add_column(sa.Column("spent", sa.Integer(), nullable=True))
        event.add_column(sa.Column("suggestion_id", sa.Integer(), nullable=True))
        event.add_column(sa.Column("verdict", sa.String(length=10), nullable=True))
    op.execute("UPDATE refinement_event SET version = base_version + 1")
    with op.batch_alter_table("refinement_event") as event:
        event.alter_column("version", existing_type=sa.Integer(), nullable=False)
        event.alter_column("answer_of", server_default=None)
        event.alter_column("key", type_=sa.String(length=80), existing_type=sa.String(length=64))
        event.alter_column("reverts", type_=sa.String(length=80), existing_type=sa.String(length=64))
        event.drop_constraint("uq_refinement_event_key", type_="unique")
        event.create_unique_constraint(op.f("uq_refinement_event_key"), ["key", "answer_of", "field"])
        event.create_unique_constraint(
            op.f("uq_refinement_event_item_id"), ["item_id", "version", "answer_of", "field"]
        )
        event.create_foreign_key(
            op.f("fk_refinement_event_suggestion_id_suggestion"), "suggestion", ["suggestion_id"], ["id"]
        )
        for name in ("reverts", "batch", "suggestion_id"):
            event.create_index(op.f(f"ix_refinement_event_{name}"), [name])
    _guard_the_log()
    create_index(op.get_bind())
    index_all(op.get_bind())


def _new_tables() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "answer",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_answer_item_id_item")),
        sa.PrimaryKeyConstraint("item_id", "user_name", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_user_name"), "answer", ["user_name"])
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=50), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("model_version", sa.String(length=100), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_suggestion_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion")),
    )
    op.create_index(op.f("ix_suggestion_item_id"), "suggestion", ["item_id"])
    op.create_table(
        "lease",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(length=100), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_lease_item_id_item")),
        sa.PrimaryKeyConstraint("item_id", "user_name", name=op.f("pk_lease")),
    )
    op.create_index(op.f("ix_lease_user_name"), "lease", ["user_name"])
    op.create_table(
        "member",
        sa.Column("user_name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", name=op.f("pk_member")),
    )


def _guard_the_log() -> None:
    """Rows of the log can be neither changed nor taken away, whoever asks."""
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER refinement_event_no_{what.lower()} BEFORE {what} ON refinement_event"
                " BEGIN SELECT RAISE(ABORT, 'the log only grows'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refinement_event_guard() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the log only grows'; END $$"
    )
    op.execute(
        "CREATE TRIGGER refinement_event_guard BEFORE UPDATE OR DELETE ON refinement_event"
        " FOR EACH ROW EXECUTE FUNCTION refinement_event_guard()"
    )


def downgrade() -> None:
    """Back to the first schema, for databases with one project and no answers apart; anything else is refused."""
    connection = op.get_bind()
    several = connection.scalar(sa.text("SELECT count(*) FROM project")) > 1
    if several or connection.scalar(sa.text("SELECT count(*) FROM refinement_event WHERE answer_of <> ''")):
        raise RuntimeError("several projects or answers don't fit into the first schema: put a backup in place instead")
    drop_index(connection)
    if connection.dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(f"DROP TRIGGER refinement_event_no_{what}")
    else:
        op.execute("DROP TRIGGER refinement_event_guard ON refinement_event")
        op.execute("DROP FUNCTION refinement_event_guard()")
    with op.batch_alter_table("refinement_event") as event:
        for name in ("reverts", "batch", "suggestion_id"):
            event.drop_index(f"ix_refinement_event_{name}")
        event.drop_constraint("fk_refinement_event_suggestion_id_suggestion", type_="foreignkey")
        event.drop_constraint("uq_refinement_event_item_id", type_="unique")
        event.drop_constraint("uq_refinement_event_key", type_="unique")
        for name in ("answer_of", "version", "batch", "spent", "suggestion_id", "verdict"):
            event.drop_column(name)
        event.alter_column("key", type_=sa.String(length=64), existing_type=sa.String(length=80))
        event.alter_column("reverts", type_=sa.String(length=64), existing_type=sa.String(length=80))
        event.create_unique_constraint(op.f("uq_refinement_event_key"), ["key", "field"])
        event.create_index("ix_refinement_event_item_id", ["item_id"])
    with op.batch_alter_table("item") as item:
        item.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE item SET priority = (SELECT priority FROM current WHERE item_id = item.id)")
    for name in ("newest", "queue", "gold"):
        op.drop_index(f"ix_current_{name}", "current")
    with op.batch_alter_table("current") as current:
        current.drop_constraint("fk_current_project_id_project", type_="foreignkey")
        for name in ("project_id", "changed", "answers", "gold", "priority"):
            current.drop_column(name)
        current.alter_column("at", existing_type=sa.BigInteger(), nullable=True)
        current.create_index("ix_current_state", ["state"])
    with op.batch_alter_table("item") as item:
        item.drop_index("ix_item_sha256")
        item.drop_constraint("fk_item_project_id_project", type_="foreignkey")
        item.drop_constraint("uq_item_project_id", type_="unique")
        item.drop_column("project_id")
        item.alter_column("priority", server_default=None)
        item.create_unique_constraint(op.f("uq_item_sha256"), ["sha256"])
    for table in ("member", "lease", "suggestion", "answer", "project"):
        op.drop_table(table)
