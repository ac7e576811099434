"""The end of the program when a person stops an update."""

import sys
from types import TracebackType


def end_quietly() -> None:
    """Let the program end without a traceback when the engine interrupts it.

    The engine interrupts the program by SIGINT once it has stopped its operations after Ctrl-C.
    """
    show = sys.excepthook

    def show_errors(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            show(kind, error, traceback)

    sys.excepthook = show_errors
