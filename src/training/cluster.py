"""Which processes train together, on which machines, and where they meet."""

import contextlib
import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from ..common.errors import ConfigError

_AGREED_PORT = 8118  # what several machines use without being told; msrun's default
_LOWEST, _HIGHEST = 1024, 65535


@dataclass(frozen=True)
class Cluster:
    """This machine's share of the processes, and the address at which all of them meet.

    Attributes:
        devices: numbers of this machine's devices, one process each.
        machines: how many there are, each with as many processes.
        machine: this one's number; 0 has rank 0 and the scheduler.
        address: machine 0's name or number.
        port: where machine 0's scheduler listens.
    """

    devices: tuple[str, ...]
    machines: int
    machine: int
    address: str
    port: int

    @property
    def size(self) -> int:
        """All processes."""
        return len(self.devices) * self.machines

    @property
    def ranks(self) -> range:
        """The ranks of this machine."""
        first = self.machine * len(self.devices)
        return range(first, first + len(self.devices))


def find_cluster(device_num: str, devices: str, environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster of the command line, and of MASTER_ADDR, MASTER_PORT, NNODES and NODE_RANK; raises ConfigError.

    Without MASTER_PORT one machine takes a free port; several must agree on one and take msrun's 8118.
    """
    names = _device_names(device_num, devices)
    machines = _number(environment, "NNODES", 1, 1, 10_000)
    machine = _number(environment, "NODE_RANK", 0, 0, machines - 1)
    address = environment.get("MASTER_ADDR") or "127.0.0.1"
    given = bool(environment.get("MASTER_PORT"))
    port = _number(environment, "MASTER_PORT", _AGREED_PORT if machines > 1 else 0, _LOWEST, _HIGHEST)
    if machine == 0:
        port = _check_port(address, port, given)
    return Cluster(names, machines, machine, address, port)


def _device_names(device_num: str, devices: str) -> tuple[str, ...]:
    if not device_num.isdecimal() or not int(device_num):
        raise ConfigError(f"DEVICE_NUM must be a number above 0, got '{device_num}'")
    names = tuple(name for name in devices.split(",") if name)
    if len(names) != int(device_num):
        raise ConfigError(f"DEVICES must name {device_num} devices with commas between them, got '{devices}'")
    return names


def _number(environment: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ConfigError(f"{name} must be a number from {lowest} to {highest}, got '{text}'")
    return int(text)


def _check_port(address: str, port: int, given: bool) -> int:
    """`port`, or a free one for 0; ConfigError where nothing can listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of a run that has ended do not count
        try:
            probe.bind((address, port))
            return probe.getsockname()[1]
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise port_taken(address, port, given) from error
            raise ConfigError(
                f"Cannot listen at MASTER_ADDR {address}: {error}. It must be an address of machine 0, whose NODE_RANK "
                "is 0; set NODE_RANK on the others, and leave MASTER_ADDR out where there is one machine."
            ) from error


def port_taken(address: str, port: int, given: bool = True) -> ConfigError:
    """The error for a port that another program, or another run, has."""
    cure = "Give another one" if given else "Set MASTER_PORT to another one"
    return ConfigError(
        f"MASTER_PORT {port} at {address} is taken, by another run or program. {cure}, the same on all machines; on "
        "one machine leave MASTER_PORT out, and a free port is taken."
    )


def reserve_port(cluster: Cluster) -> contextlib.AbstractContextManager[object]:
    """Keep other runs from the port until the scheduler listens there; raises ConfigError where another one does so.

    The name is an abstract address of Linux, which goes with its process; other systems go without.
    """
    if cluster.machine or not hasattr(socket, "AF_UNIX") or not os.path.exists("/proc/net/unix"):
        return contextlib.nullcontext()
    name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        name.bind(f"\0modnet-run-{cluster.port}")
    except OSError as error:
        name.close()
        raise port_taken(cluster.address, cluster.port) from error
    return name
