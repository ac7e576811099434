"""Runs the service until SIGTERM: `python -m auth`."""

import sys

from auth.server import serve
from auth.settings import Settings, SettingsError


def main() -> int:
    try:
        return serve(Settings.from_environment())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
