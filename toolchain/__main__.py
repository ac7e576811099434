import sys

from toolchain.cli import main

sys.exit(main(sys.argv[1:]))
