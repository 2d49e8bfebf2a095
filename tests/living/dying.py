"""How a process ends itself at one of its writes, as a kill from outside would."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile"}


def die_at(last: int, root: Path) -> Callable[[], int]:
    """End this process with status 9 at its `last` write below a folder; return a count of its writes."""
    seen = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        writing = event in WRITES or (event == "open" and "w" in str(arguments[1]))
        if writing and str(root) in str(arguments[0]):
            seen += 1
            if seen == last:
                os._exit(9)

    sys.addaudithook(watch)
    return lambda: seen
