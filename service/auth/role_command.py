"""`python -m auth make-database-role FILE`, which needs none of the service's settings."""

import argparse
import json

import psycopg

from auth.storage import database_role
from auth.storage.database_role import WantedRole


def run(arguments: argparse.Namespace) -> int:
    """Make the role of the document in the file; return the exit status."""
    try:
        wanted = WantedRole(**json.loads(arguments.file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        # never the content, which has a password
        print(f"{arguments.file} has no document of a role ({type(error).__name__}).")
        return 1
    try:
        database_role.make(wanted)
    except psycopg.Error as error:
        print(f"The role {wanted.role} can't be made at {wanted.host}: {error}")
        return 1
    print(f"{wanted.role} may log in at {wanted.host}, and owns its database there.")
    return 0
