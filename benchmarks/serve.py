"""Requests a second of `modnet serve` on loopback, as a share of what the network alone computes in the same run.

    python benchmarks/serve.py --image docs/astronaut.jpg --query "output=alpha"

Rounds of the network alone and of 1, 2, 4, 8 and 16 clients take turns. A client sends the picture, waits for the
answer and sends it again. After that, more requests show whether the server's memory grows.
"""

import argparse
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.bench.report import machine, show_machine, table, write_json
from src.bench.turns import in_turns
from src.common.cli import run_command
from src.common.errors import MattingError
from src.imaging import read_image
from src.runtime.factory import open_predictor

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = (1, 2, 4, 8, 16)


@contextmanager
def server(model: str, threads: int) -> Iterator[tuple[int, int]]:
    """Its port and its process."""
    command = [sys.executable, "-m", "src.programs", "serve", "--port", "0", "--model", model]
    command += ["--threads", str(threads)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        address = next(line for line in process.stdout if "listening at" in line)
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", address)[1])
        next(line for line in process.stdout if "ready: " in line)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, path: str, picture: bytes, count: int) -> list[float]:
    """Seconds of `count` requests of one client, one after another over one connection."""
    connection, seconds = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("POST", path, picture)
        response = connection.getresponse()
        answer = response.read()
        seconds.append(time.perf_counter() - began)
        if response.status != 200:
            raise MattingError(f"The server answered {response.status}: {answer[:300].decode(errors='replace')}")
    connection.close()
    return seconds


def by_clients(clients: int, count: int, *request: object) -> tuple[float, list[float]]:
    """Requests a second of so many clients, and the seconds of each request."""
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        seconds = list(pool.map(lambda _: ask(*request, max(1, count // clients)), range(clients)))
    return sum(map(len, seconds)) / (time.perf_counter() - began), [one for some in seconds for one in some]


def memory_mib(process: int) -> float:
    """Resident memory of a process."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", default="modnet-p-int8", help="released name or file (%(default)s)")
    add("--image", type=Path, default=ROOT / "docs" / "astronaut.jpg", help="what is sent (%(default)s)")
    add("--query", default="output=alpha", help="of the request (%(default)s)")
    add("--threads", type=int, default=2, help="of the network (%(default)s)")
    add("--requests", type=int, default=64, help="in a round (%(default)s)")
    add("--rounds", type=int, default=5, help="whose median counts (%(default)s)")
    add("--more", type=int, default=2000, help="requests for the memory (%(default)s)")
    add("--json", type=Path, help="also write the result to this file")
    args, facts = parser.parse_args(), machine()
    predictor, picture = open_predictor(args.model, threads=args.threads)[0], args.image.read_bytes()
    x = predictor.prepare(read_image(args.image))
    rates: dict[int, list[float]] = {clients: [] for clients in (0, *CLIENTS)}  # 0: the network alone
    waits: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    with server(args.model, args.threads) as (port, process):
        request = (port, f"/api/cutout?{args.query}", picture)
        for number, clients in enumerate(in_turns(list(rates), args.rounds + 1)):
            if clients:
                rate, seconds = by_clients(clients, args.requests, *request)
            else:
                began, seconds = time.perf_counter(), []
                for _ in range(args.requests):
                    predictor.run(x)
                rate = args.requests / (time.perf_counter() - began)
            if number >= len(rates):  # the first round warms up
                rates[clients].append(rate)
                waits.get(clients, []).extend(seconds)
        before = memory_mib(process)
        by_clients(4, args.more, *request)
        after = memory_mib(process)
    alone = float(np.median(rates[0]))
    rows = [["network alone", f"{alone:.1f}", "1.00", "", ""]]
    for clients in CLIENTS:
        rate, (half, most) = float(np.median(rates[clients])), np.percentile(waits[clients], (50, 99)) * 1000
        rows.append([f"{clients} client{'s' * (clients > 1)}", f"{rate:.1f}", f"{rate / alone:.2f}", f"{half:.0f}",
                     f"{most:.0f}"])  # fmt: skip
    print(f"{show_machine(facts)}; {args.model}, {args.threads} threads, {args.image.name}, {args.query}")
    print(table(["", "requests/s", "of the network", "p50 ms", "p99 ms"], rows))
    print(f"memory: {before:.0f} MiB, {after:.0f} MiB after {args.more} more requests")
    write_json(args.json, {"machine": facts, "rows": rows, "memory_mib": [before, after]})


if __name__ == "__main__":
    run_command(main)
