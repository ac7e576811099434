"""The service and its commands: `python -m auth` serves, `python -m auth --help` lists the rest."""

import gc
import sys

# The modules live until the end. Python would look through their objects again and again during the
# imports, which makes a fifth of the start, and later in each full collection.
gc.disable()

from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

from auth import commands  # noqa: E402
from auth.commands import CommandError  # noqa: E402
from auth.settings import SettingsError  # noqa: E402

gc.freeze()
gc.enable()


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
