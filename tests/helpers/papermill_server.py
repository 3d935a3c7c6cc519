"""The command `papermill`, run in processes forked from one that has imported what papermill and notebooks import.

The command itself imports for several seconds, and so does the kernel that it starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess]


@contextmanager
def server(logs: Path) -> Iterator[Command]:
    """Start the process; yields a function of the working directory and papermill's arguments.

    Args:
        logs: folder for what the commands print.
    """
    path = os.pathsep.join([str(ROOT), str(ROOT / "book"), os.environ.get("PYTHONPATH", "")])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, __file__], env=os.environ | {"PYTHONPATH": path}, **pipes) as process:

        def run(cwd: Path, *arguments: object) -> subprocess.CompletedProcess:
            words = list(map(str, arguments))
            print(json.dumps([str(cwd), str(logs), words]), file=process.stdin, flush=True)
            code = int(process.stdout.readline())
            out, err = ((logs / name).read_text(encoding="utf-8") for name in ("out", "err"))
            return subprocess.CompletedProcess(words, code, out, err)

        yield run
        process.kill()


def main() -> None:
    from builder import kernels

    kernels.preload()
    import papermill.cli  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(command(*json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def command(cwd: str, logs: str, words: list[str]) -> int:
    """Run the command in this process; return its exit status."""
    from builder import kernels
    from papermill.cli import papermill

    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{logs}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(cwd)
    try:
        kernels.use(kernels.Kernel())
        papermill(words, prog_name="papermill")
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main()
