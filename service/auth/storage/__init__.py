"""The database: its tables, their migrations, and access to SQLite and PostgreSQL."""
