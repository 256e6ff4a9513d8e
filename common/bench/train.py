#!/usr/bin/env python3
"""Trains a small model in PyTorch whose attention, forward and backward, is this project's.

    build/peers/bin/python common/bench/train.py    # the environment of peers.py; two minutes

One layer of causal attention learns to repeat the token of 200 steps before: query and key come
from the position alone, the value from the token. An autograd function writes a safetensors file
and calls `ladder bench`, which checks each result before it hands it over. Beside it the same model
is trained with PyTorch's own attention, from the same start on the same data; their losses should
stay together.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from peer_tensors import read_output, write_inputs  # noqa: E402

root = Path(__file__).resolve().parents[2]
tokens, length, back, heads, head_dim = 16, 256, 200, 2, 32
options = None  # those of the command line


def ladder(inputs, backward):
    """What the stage makes of [heads, length, head_dim] tensors: [heads, rows, head_dim]."""
    shape = {"dtype": "f32", "backward": backward}
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
        write_inputs(file, shape, {name: x.detach().numpy() for name, x in inputs.items()})
        command = [options.program, "bench", "--stage", options.stage, "--causal", "--bare"]
        command += ["--runs", "1", "--input", file, "--output", output]
        command += ["--backward"] * backward
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stdout[-2000:] + done.stderr)
        return torch.from_numpy(read_output(output, shape).copy())


class Ladder(torch.autograd.Function):
    @staticmethod
    def forward(context, q, k, v):
        context.save_for_backward(q, k, v)
        return ladder({"q": q, "k": k, "v": v}, False)

    @staticmethod
    def backward(context, d_o):
        q, k, v = context.saved_tensors
        return ladder({"q": q, "k": k, "v": v, "do": d_o}, True).split(length, dim=1)


def pytorch(q, k, v):
    attention = torch.nn.functional.scaled_dot_product_attention
    return attention(q[None], k[None], v[None], is_causal=True)[0]


class Model(torch.nn.Module):
    def __init__(self, attention):
        super().__init__()
        torch.manual_seed(0)
        self.attention = attention
        self.q = torch.nn.Parameter(torch.randn(heads, length, head_dim))
        self.k = torch.nn.Parameter(torch.randn(heads, length, head_dim))
        self.value = torch.nn.Embedding(tokens, heads * head_dim)
        self.out = torch.nn.Linear(heads * head_dim, tokens)

    def forward(self, sequence):
        v = self.value(sequence).view(length, heads, head_dim).transpose(0, 1)
        o = self.attention(self.q, self.k, v)
        return self.out(o.transpose(0, 1).reshape(length, -1))


def main():
    global options
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default=root / "build/release/attention_ladder", type=Path)
    parser.add_argument("--stage", default="03")
    parser.add_argument("--steps", default=100, type=int)
    options = parser.parse_args()
    models = [Model(Ladder.apply), Model(pytorch)]
    optimizers = [torch.optim.Adam(model.parameters(), lr=0.1) for model in models]
    data = torch.Generator().manual_seed(1)
    largest = 0.0
    for step in range(options.steps):
        sequence = torch.randint(tokens, (length,), generator=data)
        losses = []
        for model, optimizer in zip(models, optimizers):
            optimizer.zero_grad()
            logits = model(sequence)[back:]
            loss = torch.nn.functional.cross_entropy(logits, sequence[: length - back])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        largest = max(largest, abs(losses[0] - losses[1]))
        if step % 10 == 0 or step == options.steps - 1:
            print(f"step {step:3}  loss {losses[0]:.6f}  with PyTorch's attention {losses[1]:.6f}")
    print(f"the losses differ by at most {largest:.1e}")


if __name__ == "__main__":
    main()
