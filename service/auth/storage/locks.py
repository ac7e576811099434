"""Locks of tables, where rows are made that there must be one of."""

from sqlalchemy import Connection, Table


def keep_writers_out(connection: Connection, table: Table) -> None:
    """Let no other process write to a table until this transaction ends; all may read it."""
    if connection.dialect.name == "postgresql":
        # on SQLite, only one transaction writes at a time
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")
