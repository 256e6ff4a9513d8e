#!/usr/bin/env python3
"""Counts the instructions of one run of the main kernels, by instruction set.

    for preset in avx2 portable aarch64; do
      cmake --preset $preset && cmake --build build/$preset --target attention_ladder
    done
    common/bench/instructions.py    # some minutes; writes docs/results/instructions.json

Unlike times they are the same on a busy machine. valgrind counts AVX2 and portable code, qemu with
count_instructions.c NEON. Neither knows AVX-512: with --native `perf stat` counts it, where the
system lets a program read the counter.

pair:  a query and a key that it may see, of one head: 4 d FLOPs
FMA:   the share of the instructions that would do if all were FMAs of full vectors
"""

import argparse
import json
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import valgrind

headings = "{:9} {:20} {:>4} {:>12} {:>9} {:>9} {:>6}"
columns = "{:9} {:20} {:4} {:12.0f} {:9.2f} {:9.4f} {:6.2f}"

lanes = {"AVX-512": 16, "AVX2": 8, "NEON": 4, "portable": 4}


def prefill(name, stage, dtype, head_dim):
    shape = f"--heads 1 --seqlen-q 256 --seqlen-k 512 --head-dim {head_dim} --dtype {dtype}"
    return {
        "name": name,
        "head_dim": head_dim,
        "pairs": 256 * 512,
        "arguments": f"--stage {stage} {shape}".split(),
    }


def decode(cache):
    return {
        "name": f"06 {cache}, 8 heads",
        "head_dim": 128,
        "pairs": 8 * 4096,
        "arguments": f"--stage 06 --cache {cache} --heads 8 --kv-heads 1 --seqlen-k 4096".split(),
    }


cases = [
    prefill("03 f32", "03", "f32", 64),
    prefill("03 f32", "03", "f32", 128),
    prefill("03 bf16", "03", "bf16", 64),
    prefill("03 bf16", "03", "bf16", 128),
    prefill("04 f32", "04", "f32", 64),
    prefill("05 bf16", "05", "bf16", 64),
    *(decode(cache) for cache in ("f32", "bf16", "f16", "e4m3")),
]


def printed(command, pattern):
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(pattern, done.stdout + done.stderr)
    if done.returncode != 0 or not found:
        raise SystemExit(f"{' '.join(map(str, command))}\n{(done.stdout + done.stderr)[-2000:]}")
    return found.group(1)


def by_difference(count):
    """The instructions of one run, of the difference between eleven runs and one.

    Ten, as the threads that make the inputs differ by some 10^5 instructions each time.
    """

    def one_run(arguments):
        with ThreadPoolExecutor(2) as pool:
            one, eleven = pool.map(lambda n: count([*arguments, "--runs", n]), ("1", "11"))
        return (eleven - one) / 10

    return one_run


def by_qemu(program, folder):
    plugin = Path(folder) / "libcount.so"
    source = Path(__file__).parent / "count_instructions.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", plugin, source], check=True)
    emulator = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
    command = [*emulator, "-plugin", plugin, "-d", "plugin", program, *valgrind.bench]

    def count(arguments):
        return int(printed([*command, *arguments], r"instructions: (\d+)"))

    return emulator, by_difference(count)


def by_perf(program):
    command = ["perf", "stat", "-x,", "-e", "instructions:u", program, *valgrind.bench]

    def count(arguments):
        return int(printed([*command, *arguments], r"(\d+),,instructions:u"))

    return [], by_difference(count)


def by_valgrind(program):
    def count(arguments):
        return valgrind.total(valgrind.callgrind(program, [*valgrind.bench, *arguments], []), "Ir")

    return [], by_difference(count)


def measure(program, emulator, count):
    version = printed([*emulator, program, "--version"], r"(ladder .*)")
    simd = next(name for name in lanes if f", {name}," in version)
    rows = []
    for case in cases:
        instructions = count(case["arguments"])
        flops = 4 * case["head_dim"] * case["pairs"]
        rows.append(
            {
                "simd": simd,
                "name": case["name"],
                "head_dim": case["head_dim"],
                "instructions": instructions,
                "per_pair": instructions / case["pairs"],
                "per_flop": instructions / flops,
                "fma_share": flops / (2 * lanes[simd]) / instructions,
                "arguments": " ".join(case["arguments"]),
            }
        )
        print(columns.format(*(rows[-1][key] for key in list(rows[-1])[:7])), flush=True)
    return version, rows


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--native", action="store_true", help="count build/release with perf, too")
    parser.add_argument(
        "--results", default=valgrind.root / "docs/results/instructions.json", type=Path
    )
    options = parser.parse_args()
    build = valgrind.root / "build"
    print(headings.format("", "kernel", "d", "instructions", "a pair", "a FLOP", "FMA"))
    results = {"programs": [], "kernels": []}
    with tempfile.TemporaryDirectory() as folder:
        ways = [
            ("avx2", by_valgrind),
            ("portable", by_valgrind),
            ("aarch64", lambda p: by_qemu(p, folder)),
        ]
        for preset, way in ways + ([("release", by_perf)] if options.native else []):
            program = build / preset / "attention_ladder"
            if not program.exists():
                print(f"{preset}: not built")
                continue
            version, rows = measure(program, *way(program))
            results["programs"].append(version)
            results["kernels"] += rows
    options.results.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
