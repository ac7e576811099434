"""The service and its commands: `python -m auth` serves, `python -m auth --help` lists the rest."""

import sys

from sqlalchemy.exc import SQLAlchemyError

from auth import commands
from auth.commands import CommandError
from auth.settings import SettingsError


def main() -> int:
    try:
        return commands.run(sys.argv[1:])
    except (SettingsError, CommandError) as error:
        print(error, file=sys.stderr)
        return 2
    except SQLAlchemyError as error:
        # the driver's own words; SQLAlchemy's would add the statement with its values
        reason = getattr(error, "orig", None) or error
        print(f"The database can't be used: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
