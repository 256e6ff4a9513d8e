"""The tensors that peers.py gives its runtimes: float32 arrays, [heads, tokens, head_dim]."""

import json
import struct

import numpy as np


def to_bf16(array):
    """The bits of the nearest bf16 numbers, ties to even."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def random_inputs(shape):
    """Scores with a standard deviation of 2.5; in bf16 numbers that are exact in it."""
    random = np.random.default_rng(0)

    def draw(heads, tokens, scale=1.0):
        array = random.standard_normal((heads, tokens, shape["head_dim"]), np.float32) * np.float32(
            scale
        )
        return from_bf16(to_bf16(array)) if shape["dtype"] == "bf16" else array

    inputs = {
        "q": draw(shape["heads"], shape["seqlen_q"], 2.5),
        "k": draw(shape["kv_heads"], shape["seqlen_k"]),
        "v": draw(shape["kv_heads"], shape["seqlen_k"]),
    }
    if shape["backward"]:
        inputs["do"] = draw(shape["heads"], shape["seqlen_q"])
    return inputs


def write_inputs(path, shape, inputs):
    """A safetensors file of [1, tokens, heads, head_dim]."""
    header, data = {}, []
    for name, array in inputs.items():
        array = np.ascontiguousarray(array.transpose(1, 0, 2))[None]
        raw = (to_bf16(array) if shape["dtype"] == "bf16" else array).tobytes()
        begin = sum(map(len, data))
        header[name] = {
            "dtype": shape["dtype"].upper(),
            "shape": array.shape,
            "data_offsets": [begin, begin + len(raw)],
        }
        data.append(raw)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def read_output(path, shape):
    """o, or the gradients, of a safetensors file: [heads, rows, head_dim]."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])

    def read(entry):
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = (
            from_bf16(np.frombuffer(raw[begin:end], np.uint16))
            if shape["dtype"] == "bf16"
            else np.frombuffer(raw[begin:end], np.float32)
        )
        return values.reshape(entry["shape"])[0].transpose(1, 0, 2)

    names = ("dq", "dk", "dv") if shape["backward"] else ("o",)
    return np.concatenate([read(header[name]) for name in names], axis=1)


def output_difference(ours, theirs, shape):
    """bf16 rounds P and O at 2^-8 of themselves, in one order or another; gradients are larger."""
    largest = float(np.max(np.abs(ours - theirs)))
    size = float(np.max(np.abs(theirs))) if shape["backward"] else 1
    return {
        "largest": largest,
        "agrees": bool(largest <= size * (0.05 if shape["dtype"] == "bf16" else 1e-4)),
    }
