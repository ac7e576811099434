"""What the service keeps: its tables, how they change over releases, and the databases."""
