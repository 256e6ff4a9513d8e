#!/usr/bin/env python3
"""Measures PyTorch, ONNX Runtime and OpenVINO beside this project's stages, in turns.

    common/bench/peers.py --install build/peers    # once: a virtual environment of some GB
    build/peers/bin/python common/bench/peers.py --json docs/results/peers.json    # some minutes

They get the same inputs and as many threads. Every shape is a safetensors file that `ladder bench
--input` reads and from which the peers' tensors are made. First all outputs are compared; who
differs gets no time. Of a backward pass these are the gradients, and --only backward takes no
other shapes. Then they take turns, so that a slow spell of the machine meets all of them.
A turn warms up and then takes the median of its runs; a ratio is that of two neighbouring turns,
and of the ratios the table has the median. In a decode step all read the keys from memory:
something else is read before each run.

A peer that is not installed, or does not take a shape, is left out and named. On a processor with
AMX the peers use it in bf16, and this project's stages do not: --isa avx512 measures them without,
--isa avx2 --program build/avx2/attention_ladder with AVX2 on both sides.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

root = Path(__file__).resolve().parents[2]
packages = ["numpy", "torch", "onnxruntime", "onnx", "openvino"]


# What keeps the libraries under PyTorch and OpenVINO from using more.
instruction_sets = {
    "avx512": {
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ATEN_CPU_CAPABILITY": "avx512",
    },
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    },
}


def install(folder):
    venv.create(folder, with_pip=True)
    pip = [Path(folder) / "bin/python", "-m", "pip", "install"]
    subprocess.run([*pip, *packages], check=True)
    print(f"now: {folder}/bin/python {sys.argv[0]}")


# Ours.


def ladder_bench(options, arguments):
    """What `ladder bench --stage` reports of these."""
    arguments = ["bench", "--threads", str(options.threads), "--stage", *arguments]
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        done = subprocess.run(
            [options.program, *arguments, "--json", report.name], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"ladder {' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr}")
        return json.loads(Path(report.name).read_text())


def bench(options, shape, file, more):
    """What it reports of a shape, whose inputs are in the file."""
    arguments = [shape["stage"], "--input", str(file), *map(str, more)]
    if shape["causal"]:
        arguments.append("--causal")
    if shape["backward"]:
        arguments.append("--backward")
    if shape["stage"] == "06":
        arguments += ["--cache", shape["dtype"]]
    return ladder_bench(options, arguments)


def turn_of_ours(options, shape, file):
    return bench(options, shape, file, ["--seconds", str(options.seconds)])["cases"][0]["seconds"][
        "median"
    ]


# Peers: a function that computes O from the tensors of a shape, and what it was told.


def evictor(bytes):
    """Reads something else, so that the next run finds no keys in the caches."""
    import numpy as np

    weights = np.ones(bytes // 8)
    return lambda: weights.sum()


def turn_of(run, seconds, prepare):
    time.sleep(0.05)  # the threads of the one before go to sleep
    run()
    times = []
    while sum(times) < seconds:
        prepare()
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def measure(options, shape, folder, last_cache):
    from peer_runtimes import PeerError, peers
    from peer_tensors import output_difference, random_inputs, read_output, write_inputs

    file, output = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
    inputs = random_inputs(shape)
    write_inputs(file, shape, inputs)
    bench(options, shape, file, ["--runs", "1", "--bare", "--output", output])
    ours = read_output(output, shape)

    running, row = {}, {"shape": shape, "peers": {}}
    for name, make in peers.items():
        try:
            run, output_of, told = make(shape, inputs, options.threads)
            difference = output_difference(ours, output_of(run()), shape)
        except (PeerError, RuntimeError) as error:
            row["peers"][name] = {"left_out": str(error).strip().splitlines()[-1]}
            continue
        row["peers"][name] = {
            "told": told,
            "max_difference": difference["largest"],
            "agrees": difference["agrees"],
        }
        if difference["agrees"]:
            running[name] = run

    prepare = evictor(max(last_cache, 128 << 20)) if shape["stage"] == "06" else lambda: None
    our_times, peer_times = [], {name: [] for name in running}
    for _ in range(options.rounds):
        our_times.append(turn_of_ours(options, shape, file))
        for name, run in running.items():
            peer_times[name].append(turn_of(run, options.seconds, prepare))
    row["seconds"] = statistics.median(our_times)
    for name, times in peer_times.items():
        ratios = sorted(theirs / own for theirs, own in zip(times, our_times))
        row["peers"][name] |= {
            "seconds": statistics.median(times),
            "speed_of_ours": statistics.median(ratios),
            "from": ratios[0],
            "to": ratios[-1],
        }
    return row


def measure_product(options, rows=2048):
    """PyTorch's plain product in f32, beside the FMA peak of the same minute."""
    from peer_runtimes import load

    torch = load("torch")
    torch.set_num_threads(options.threads)
    left, right = torch.randn(rows, rows), torch.randn(rows, rows)
    shares = []
    for _ in range(options.rounds):
        peak = ladder_bench(options, ["03", "--runs", "1"])["peaks"][0]["fma_gflops"]
        seconds = turn_of(lambda: left @ right, options.seconds, lambda: None)
        shares.append(2e-9 * rows**3 / seconds / peak)
    print(
        f"PyTorch's product of two matrices of {rows} x {rows}, f32: "
        f"{statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f}) "
        "of the FMA peak\n"
    )
    return {"rows": rows, "shares_of_fma_peak": shares}


def print_row(row):
    print(f"{row['shape']['name']:26} {1e3 * row['seconds']:8.2f} ms")
    for name, peer in row["peers"].items():
        if "seconds" in peer:
            print(
                f"  {name:24} {1e3 * peer['seconds']:8.2f} ms  ratio {peer['speed_of_ours']:5.2f} "
                f"({peer['from']:.2f} to {peer['to']:.2f})  difference {peer['max_difference']:.1e}"
            )
        else:
            print(
                f"  {name:24} {peer.get('left_out') or 'DIFFERS by ' + str(peer['max_difference'])}"
            )
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--install", metavar="FOLDER", help="make a virtual environment with the peers"
    )
    parser.add_argument("--program", default=root / "build/release/attention_ladder", type=Path)
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    parser.add_argument(
        "--isa",
        choices=instruction_sets,
        help="the most that the peers may use; ONNX Runtime asks the processor itself",
    )
    parser.add_argument("--seconds", default=0.3, type=float, help="of a turn")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--only", default="", help="shapes whose name contains this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.install:
        return install(options.install)
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ |= {"OMP_NUM_THREADS": str(options.threads), **instruction_sets.get(options.isa, {})}
    from peer_runtimes import versions
    from peer_shapes import shapes

    results = {
        "peers": versions(),
        "threads": options.threads,
        "isa": options.isa or "all",
        "rows": [],
    }
    print(
        "ratio: how many times as fast as the peer this project's stage is, the median of "
        f"{options.rounds} rounds (and the extremes)\n"
    )
    results["machine"] = ladder_bench(options, ["03", "--runs", "1", "--bare"])["machine"]
    if results["peers"]["torch"] != "not installed":
        results["product"] = measure_product(options)
    for shape in shapes:
        if options.only not in shape["name"]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            results["rows"].append(measure(options, shape, folder, results["machine"]["l3_bytes"]))
        print_row(results["rows"][-1])
        if options.json:  # after every row, as a run takes long
            options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
