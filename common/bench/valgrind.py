"""What one run of a kernel costs, by callgrind: for cache_traffic.py and instructions.py.

Callgrind counts a whole program. `ladder bench --bare --runs N` does the same work for every N, but
for N runs of the kernel on the same inputs. So the costs of two runs less those of one are the
costs of one run of the kernel. What makes the inputs and checks the outputs is left out.
"""

import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

bench = ["bench", "--bare", "--threads", "1"]
# These share their work among threads, a little differently each time.
of_inputs_and_checks = r"parallel_for|flash::generate|flash::expect|flash::attend_rows|Eigen::"
root = Path(__file__).resolve().parents[2]


def functions_of(out_file):
    """The events of a callgrind.out file by function, callees not included."""
    names, costs, function, events, skip = {}, {}, None, [], False
    for line in Path(out_file).read_text().splitlines():
        if line.startswith("events:"):
            events = line.split()[1:]
        elif match := re.match(r"fn=\((\d+)\)(?: (.*))?", line):
            number, name = match.groups()
            function = names.setdefault(number, name)
        elif match := re.match(r"cfn=\((\d+)\)(?: (.*))?", line):
            names.setdefault(*match.groups())
        elif line.startswith("calls="):
            skip = True  # the next line has the costs of the callee
        elif re.match(r"[+*\d-]", line):
            if not skip:
                counts = [int(x) for x in line.split()[1:]]
                total = costs.setdefault(function, dict.fromkeys(events, 0))
                for event, count in zip(events, counts):
                    total[event] += count
            skip = False
    return costs


def callgrind(program, arguments, options, emulator=()):
    """The events of a program by function."""
    with tempfile.NamedTemporaryFile(suffix=".out") as out:
        command = [
            *emulator,
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={out.name}",
            *options,
            program,
            *arguments,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
        return functions_of(out.name)


def one_run(program, arguments, options):
    """The events of one run of the kernel by function; setarch keeps the addresses the same."""

    def runs(n):
        return callgrind(
            program, [*bench, *arguments, "--runs", str(n)], options, ["setarch", "-R"]
        )

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(runs, (1, 2))
    difference = {}
    for name, costs in two.items():
        before = one.get(name, {})
        more = {event: max(0, count - before.get(event, 0)) for event, count in costs.items()}
        if more["Ir"] > 0 and not re.search(of_inputs_and_checks, name):
            difference[name] = more
    return difference


def total(functions, event):
    return sum(costs[event] for costs in functions.values())
