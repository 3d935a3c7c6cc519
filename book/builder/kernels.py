"""Kernels that are forked from this process, which has imported everything that notebooks import.

A kernel that starts anew imports the same libraries for several seconds, once per notebook.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from importlib.metadata import EntryPoint
from multiprocessing import get_context

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

PRELOADED = (
    "IPython", "ipykernel.ipkernel", "jupytext", "papermill", "matplotlib.pyplot", "pyarrow.parquet", "scipy.stats",
    "sklearn.tree", "statsmodels.api", "statsmodels.stats.multitest", "torch",
    "bvg.measure", "bvg.miniature", "companion.analysis.claims", "companion.calibration", "companion.explorer",
    "companion.figures", "companion.forking", "companion.page", "companion.tables",
)  # fmt: skip
"""Modules that notebooks import, directly or not."""

FORK = get_context("fork")


def preload() -> None:
    """Import what notebooks need. This process must have no threads afterwards, so that it can fork."""
    for name in PRELOADED:
        importlib.import_module(name)


class Kernel:
    """A process that becomes a kernel as soon as it is told its connection file; it offers what jupyter_client uses of Popen.

    Create it while this process has no threads.
    """

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        receive, self._send = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_serve, args=(receive, self._send))
        self._process.start()
        receive.close()
        self.pid = self._process.pid

    def start(self, connection_file: str, folder: str) -> None:
        """Tell the process where to listen, and in which folder to work."""
        self._send.send((connection_file, folder))

    def poll(self) -> int | None:
        """Return the exit status, or None while the kernel runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for the end of the kernel; return the exit status."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)


def _serve(receive, send) -> None:
    send.close()  # so that the end of the parent is the end of the pipe
    try:
        connection_file, folder = receive.recv()
    except EOFError:
        return
    os.chdir(folder)
    sys.argv = ["ipykernel"]
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # ends with its parent
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(argv=["-f", connection_file, "--log-level=CRITICAL"])


class Forked(LocalProvisioner):
    """Provides a kernel that was forked in advance instead of starting one."""

    waiting: Kernel

    async def launch_kernel(self, cmd: list[str], **options):
        """Use the waiting kernel."""
        self.process = type(self).waiting
        self.process.start(cmd[cmd.index("-f") + 1], options.get("cwd") or os.getcwd())
        self.pid = self.process.pid
        return self.connection_info


def use(kernel: Kernel) -> None:
    """Let the next kernel that this process starts be this one."""
    Forked.waiting = kernel
    factory = KernelProvisionerFactory.instance()
    group = KernelProvisionerFactory.GROUP_NAME
    factory.provisioners["forked"] = EntryPoint("forked", f"{__name__}:{Forked.__name__}", group)
    factory.default_provisioner_name = "forked"
