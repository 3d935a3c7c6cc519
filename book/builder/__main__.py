"""Run `python -m builder` from the folder `book`."""

import os
import sys

REPRODUCIBLE = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "LOKY_MAX_CPU_COUNT": "1"}
"""The order of sets is fixed, and each notebook uses one core, since several run side by side. Read when Python starts."""

if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in REPRODUCIBLE.items()):
        command = [sys.executable, "-m", "builder", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | REPRODUCIBLE)
    sys.modules["rfc3987_syntax"] = (
        None  # jsonschema imports it if it can: 1.5 s for a check of addresses that nobody uses
    )
    from builder.build import main

    main()
