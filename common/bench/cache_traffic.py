#!/usr/bin/env python3
"""Counts the HBM traffic of stages 00-03 from outside: in a simulated cache of on-chip size.

    cmake --preset avx2 && cmake --build build/avx2 --target attention_ladder
    common/bench/cache_traffic.py    # ten minutes; writes docs/results/cache_traffic.json

A stage counts the bytes that its loads and stores move between HBM and the chip. Here valgrind
counts the cache lines that one run of the same kernel moves between memory and a cache of the
227 KB of an H100's block. The simulation is cachegrind's; it runs inside callgrind, which knows in
which function a line moves, and counts the lines that are written back.

- The size of a set may be anything for cachegrind, their number must be a power of two: 16 sets of
  227 lines of 64 bytes are 227 KB.
- The first-level cache has two lines, so that the other one sees every access.
- valgrind 3.19 knows no AVX-512, so the program is the AVX2 build. One thread, one head, N = 1024,
  d = 64, f32, no mask.

docs/results/cache_traffic.md explains what differs.
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

import valgrind

line = 64
heads, seqlen, head_dim = 1, 1024, 64
stages = ["00_naive", "01_v1_tiling", "02_online_softmax", "03_v2"]
problem = ["--heads", str(heads), "--seqlen-q", str(seqlen), "--head-dim", str(head_dim)]


def counted(program, stage):
    """What the stage itself counts, as `ladder run` reports it."""
    command = [
        program,
        "run",
        "--threads",
        "1",
        "--runs",
        "1",
        "--stage",
        stage,
        *problem,
        "--json",
        "/dev/stderr",
    ]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stderr)
    return report["stages"][0]


def short(function):
    """'tile::cpu::multiply<add>' of 'void tile::cpu::multiply<2, (tile::cpu::Update)1>(...)'."""
    name = function.replace("(anonymous namespace)::", "")
    name = re.sub(
        r"decltype\(auto\) tile::with_type<", "", name
    )  # a lambda of the function that is named next
    while (plain := re.sub(r"<[^<>]*>", "", name)) != name:
        name = plain
    name = re.sub(r"\(.*", "", name).split()[-1]
    update = re.search(r"\(tile::cpu::Update\)(\d)", function)
    return name + (["<overwrite>", "<add>", "<rescale>"][int(update.group(1))] if update else "")


def measured(program, stage, kib):
    options = [
        "--cache-sim=yes",
        "--simulate-wb=yes",
        "--I1=32768,8,64",
        f"--D1={2 * line},2,{line}",
        f"--LL={kib * 1024},{kib},{line}",
    ]
    functions = valgrind.one_run(program, ["--stage", stage, *problem], options)
    where = {}
    for name, costs in functions.items():
        part = where.setdefault(short(name), [0, 0])
        part[0] += costs["DLmr"] * line
        part[1] += costs["DLmw"] * line
    largest = sorted(where.items(), key=lambda item: -sum(item[1]))
    return {
        "load_miss_bytes": line * valgrind.total(functions, "DLmr"),
        "store_miss_bytes": line * valgrind.total(functions, "DLmw"),
        "written_back_bytes": line
        * sum(valgrind.total(functions, e) for e in ("ILdmr", "DLdmr", "DLdmw")),
        "where": [
            {"function": name, "load_miss_bytes": loads, "store_miss_bytes": stores}
            for name, (loads, stores) in largest
            if loads + stores > 0.004 * sum(map(sum, where.values()))
        ],
    }


def table(results):
    columns = "{:18}" + " {:>10}" * 2 + " {:>5}" + " {:>10}" * 3 + "\n"
    text = columns.format("stage", "counted", "load", "", "counted", "store", "written")
    text += columns.format("bytes", "read", "misses", "ratio", "written", "misses", "back")
    for r in results:
        read, loads = r["counted_read_bytes"], r["load_miss_bytes"]
        written = r["counted_write_bytes"], r["store_miss_bytes"], r["written_back_bytes"]
        text += columns.format(r["stage"], read, loads, f"{loads / read:.2f}", *written)
    return text


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--program", default=valgrind.root / "build/avx2/attention_ladder", type=Path
    )
    parser.add_argument(
        "--kib", default=227, type=int, help="size of the cache, in ways of 16 lines"
    )
    parser.add_argument(
        "--results", default=valgrind.root / "docs/results/cache_traffic.json", type=Path
    )
    options = parser.parse_args()

    def measure(stage):
        own = counted(options.program, stage)
        tensors = {
            name: {k: v for k, v in t.items() if k != "workspace_bytes"}
            for name, t in own["tensors"].items()
        }
        return {
            "stage": stage,
            "counted_read_bytes": own["hbm_read_bytes"],
            "counted_write_bytes": own["hbm_write_bytes"],
            **measured(options.program, stage, options.kib),
            "tensors": tensors,
        }

    results = [measure(stage) for stage in stages]
    print(table(results), end="")
    version = subprocess.run(
        [options.program, "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    simulator = subprocess.run(
        ["valgrind", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    options.results.write_text(
        json.dumps(
            {
                "program": version,
                "simulator": simulator,
                "cache_bytes": options.kib * 1024,
                "line_bytes": line,
                "problem": {
                    "heads": heads,
                    "seqlen": seqlen,
                    "head_dim": head_dim,
                    "dtype": "f32",
                    "threads": 1,
                },
                "stages": results,
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
