#!/usr/bin/env python3
"""Measures PyTorch's attention on a GPU: what the modelled GPU's numbers are set beside.

    common/bench/gpu_peers.py docs/results/gpu_peers_h100.json    # a minute on an H100

`flash` is FlashAttention-2, `cudnn` NVIDIA's own kernel, `math` standard attention with S and P in
memory: the backends of scaled_dot_product_attention. Shapes are those of FlashAttention-3's paper
(16k tokens, heads x head_dim = 2048, Table 2's shape) and of Flash-Decoding's table, in FP16 with
normal random numbers. FLOPs are 4 N^2 d a head forward, half of it with a causal mask, 2.5 times as
much backward.

The forward pass of each backend is first compared with fp64 on a small problem; one that differs
gets no time. A figure is the median of runs that fill 0.2 s, timed by events, after as long a
warm-up, so that the clock has fallen to what the card holds. A shape that a backend does not take is
left out and named. Note that `math` computes in FP32: PyTorch converts FP16 for it.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

backends = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "math": SDPBackend.MATH,
}


def attention(q, k, v, backend, causal=False):
    with sdpa_kernel(backends[backend]):
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def random(*shape, grad=False):
    return torch.randn(*shape, device="cuda", dtype=torch.float16, requires_grad=grad)


# Against fp64 with the inputs' own rounding: normal numbers, errors of FP16's size.


def largest_error(backend, causal):
    torch.manual_seed(0)
    q, k, v = (random(2, 4, 384, 64) for _ in range(3))
    scores = q.double() @ k.double().transpose(-1, -2) / 8
    if causal:
        hidden = torch.ones(384, 384, dtype=torch.bool, device="cuda").triu(1)
        scores.masked_fill_(hidden, float("-inf"))
    expected = scores.softmax(-1) @ v.double()
    return (attention(q, k, v, backend, causal).double() - expected).abs().max().item()


# Times.


def seconds(run, total=0.2):
    """Of one call on the GPU, the clock as it is under this load: median, lowest, highest."""

    def timed(count):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        events[0].record()
        for event in events[1:]:
            run()
            event.record()
        torch.cuda.synchronize()
        return [1e-3 * a.elapsed_time(b) for a, b in zip(events, events[1:])]

    timed(3)
    count = max(5, min(2000, int(total / statistics.median(timed(5)))))
    timed(count)
    times = timed(count)
    return statistics.median(times), min(times), max(times)


def row(flops, times, **shape):
    median, lowest, highest = times
    return {**shape, "seconds": median, "seconds_lowest": lowest, "seconds_highest": highest,
            "tflops": 1e-12 * flops / median, "sm_clock_mhz": torch.cuda.clock_rate()}


def forward(shape, backend, backward):
    batch, heads, length, head_dim, causal = (
        shape[name] for name in ("batch", "heads", "seqlen", "head_dim", "causal"))
    q, k, v = (random(batch, heads, length, head_dim, grad=backward) for _ in range(3))
    flops = 4 * batch * heads * length**2 * head_dim * (0.5 if causal else 1)
    if not backward:
        with torch.no_grad():
            times = seconds(lambda: attention(q, k, v, backend, causal))
        return row(flops, times, **shape, backend=backend, direction="forward")
    out = attention(q, k, v, backend, causal)
    gradient = torch.randn_like(out)
    times = seconds(
        lambda: torch.autograd.grad(out, (q, k, v), gradient, retain_graph=True))
    return row(2.5 * flops, times, **shape, backend=backend, direction="backward")


def decode(batch, length, backend):
    q, (k, v) = random(batch, 16, 1, 128), (random(batch, 2, length, 128) for _ in range(2))
    calls = 20  # in a graph: a call from Python takes longer than the kernel
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad():
        attention(q, k, v, backend)
        with torch.cuda.graph(graph):
            for _ in range(calls):
                attention(q, k, v, backend)
        times = [time / calls for time in seconds(graph.replay)]
    shape = {"batch": batch, "heads": 16, "kv_heads": 2, "seqlen": length, "head_dim": 128}
    found = row(4 * batch * 16 * length * 128, times, **shape, backend=backend, direction="decode")
    return {**found, "key_value_gbytes_per_s": 1e-9 * 2 * k.numel() * 2 / times[0]}


def shapes():
    for head_dim in (64, 128, 256):
        for causal in (False, True):
            for length in (512, 1024, 2048, 4096, 8192, 16384):
                yield {"batch": 16384 // length, "heads": 2048 // head_dim, "seqlen": length,
                       "head_dim": head_dim, "causal": causal}
    yield {"batch": 4, "heads": 16, "seqlen": 8448, "head_dim": 128, "causal": False}


def measure_all():
    rows, left_out = [], []

    def add(make, what):
        try:
            rows.append(make())
        except (RuntimeError, torch.OutOfMemoryError) as error:
            left_out.append(f"{what}: {str(error).splitlines()[0][:100]}")
        torch.cuda.empty_cache()

    errors = {}
    for backend in backends:
        print(backend, flush=True)
        errors[backend] = max(largest_error(backend, causal) for causal in (False, True))
        if not errors[backend] < 4e-3:
            left_out.append(f"{backend}: differs from fp64 by {errors[backend]}")
            continue
        for shape in shapes():
            name = f"{backend} {shape}"
            add(lambda: forward(shape, backend, False), name)
            if backend != "math" and shape["head_dim"] < 256:
                add(lambda: forward(shape, backend, True), name + " backward")
        for batch, length in ((256, 256), (8, 8192), (4, 16384), (1, 65536), (1, 131072)):
            add(lambda: decode(batch, length, backend), f"{backend} decode {batch} x {length}")
    return {"largest_error_against_fp64": errors, "rows": rows, "left_out": left_out}


def nvidia_smi(field):
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="the JSON file")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("gpu_peers: no GPU that PyTorch can use")
    machine = {
        "gpu": torch.cuda.get_device_name(),
        "driver": nvidia_smi("driver_version"),
        "pytorch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "power_limit": nvidia_smi("power.limit"),
        "date": datetime.date.today().isoformat(),
    }
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, **measure_all()}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
