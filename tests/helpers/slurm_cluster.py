"""A Slurm of one node, of Debian's packages, for the time of a test: everything it has lies in one folder.

Not a test. It needs munged, slurmctld and slurmd (packages munge and slurm-wlm), but no service, no accounting, no cgroups.
"""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
DAEMONS = ("munged", "slurmctld", "slurmd")

# A job that is queued again waits for cred_expire, 5 seconds at the least, and then for the next look at the queue.
CONFIGURATION = """
ClusterName=bvg
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
JobRequeue=1
KillWait=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurm(Exception):
    """Slurm is not here, or cannot be started here."""


@contextmanager
def slurm(folder: Path) -> Iterator[Path]:
    """Start a cluster that keeps all its files in `folder`; its configuration file, which SLURM_CONF is to name.

    Raises:
        NoSlurm: a program is missing, or the node did not become idle.
    """
    if missing := [name for name in (*DAEMONS, "sbatch", "squeue") if shutil.which(name, path=SBIN) is None]:
        raise NoSlurm(f"needs {', '.join(missing)} (Debian's packages munge and slurm-wlm)")
    with socket.socket() as one, socket.socket() as other:
        for free in (one, other):
            free.bind(("127.0.0.1", 0))
        ports = {"controller": one.getsockname()[1], "node": other.getsockname()[1]}
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().partition(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, host=host, user=getpass.getuser(), **ports))
    (folder / "munge.key").write_bytes(os.urandom(64))
    (folder / "munge.key").chmod(0o400)
    munged = [f"--{what}={folder}/munge.{what.split('-')[0]}" for what in ("socket", "key-file", "log-file", "pid-file", "seed-file")]  # fmt: skip
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    with ExitStack() as stack:
        for command in (["munged", "--foreground", "--force", *munged], ["slurmctld", "-D"], ["slurmd", "-D"]):
            stack.enter_context(_daemon(command, folder, environment))
            if command[0] == "munged":
                _until(lambda: (folder / "munge.socket").exists(), folder)
        _until(lambda: "idle" in _output(["sinfo", "--noheader", "--format=%T"], environment), folder)
        try:
            yield configuration
        finally:
            _output(["scancel", "--me"], environment)
            _until(lambda: not _output(["squeue", "--noheader"], environment), folder)


@contextmanager
def _daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    program = shutil.which(command[0], path=SBIN)
    with open(folder / f"{command[0]}.out", "w") as out:
        process = subprocess.Popen([program, *command[1:]], stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _output(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def _until(true, folder: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            said = {path.name: path.read_text()[-300:] for path in folder.glob("*.out")}
            raise NoSlurm(f"Slurm did not start within {seconds} seconds: {said}")
        time.sleep(0.2)
