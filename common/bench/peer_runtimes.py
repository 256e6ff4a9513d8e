"""The runtimes that peers.py measures.

A peer takes a shape, the inputs and a number of threads. It returns a function that computes, one
that makes [heads, rows, head_dim] in fp32 of what the first returned, and the words for what the
peer was told to do. The rows are those of O; of a backward pass those of dQ, dK and dV, one behind
another. It raises PeerError if it is not installed or has no such kernel.
"""

import importlib
from importlib import metadata

import numpy as np
from peer_tensors import from_bf16, to_bf16


class PeerError(Exception):
    pass


def load(module):
    try:
        return importlib.import_module(module)
    except ImportError:
        raise PeerError("not installed") from None


def versions():
    found = {}
    for package in ("torch", "onnxruntime", "openvino"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


# Peers.


def pytorch(shape, inputs, threads):
    torch = load("torch")
    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if shape["dtype"] == "bf16" else torch.float32
    q, k, v = (torch.from_numpy(inputs[name])[None].to(dtype).contiguous() for name in "qkv")
    grouped = shape["heads"] != shape["kv_heads"]
    if shape["backward"]:
        d_o = torch.from_numpy(inputs["do"])[None].to(dtype).contiguous()
        return pytorch_backward(torch, shape, q, k, v, d_o)

    @torch.inference_mode()
    def run():
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=shape["causal"], enable_gqa=grouped
        )

    told = (
        f"scaled_dot_product_attention on contiguous [1, heads, tokens, d] {shape['dtype']}, "
        f"enable_gqa={grouped}, inference mode, {threads} threads"
    )
    return run, lambda o: o[0].float().numpy(), told


def pytorch_backward(torch, shape, q, k, v, d_o):
    """The gradients alone: the forward pass, which keeps LSE, has run."""
    of = [tensor.requires_grad_() for tensor in (q, k, v)]
    o = torch.nn.functional.scaled_dot_product_attention(*of, is_causal=shape["causal"])

    def run():
        return torch.autograd.grad(o, of, d_o, retain_graph=True)

    told = (
        f"torch.autograd.grad of scaled_dot_product_attention on contiguous [1, heads, tokens, d] "
        f"{shape['dtype']}, {torch.get_num_threads()} threads"
    )
    return run, lambda all: torch.cat([one[0] for one in all], 1).float().numpy(), told


def onnx_runtime(shape, inputs, threads):
    if shape["backward"]:
        raise PeerError("has no backward pass")
    if shape["dtype"] != "f32":
        raise PeerError("has no bf16 attention on a CPU")
    if shape["heads"] != shape["kv_heads"]:
        raise PeerError("MultiHeadAttention has no grouped queries")
    ort, helper, proto = load("onnxruntime"), load("onnx.helper"), load("onnx").TensorProto

    def value(name):
        return helper.make_tensor_value_info(name, proto.FLOAT, None)

    node = helper.make_node(
        "MultiHeadAttention",
        ["q", "k", "v"],
        ["o"],
        domain="com.microsoft",
        num_heads=shape["heads"],
        unidirectional=int(shape["causal"]),
    )
    graph = helper.make_graph([node], "attention", [value(name) for name in "qkv"], [value("o")])
    model = helper.make_model(
        graph,
        ir_version=9,
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)],
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {
        name: np.ascontiguousarray(array.transpose(1, 0, 2)).reshape(1, array.shape[1], -1)
        for name, array in inputs.items()
    }

    def output(o):
        return o[0].reshape(-1, shape["heads"], shape["head_dim"]).transpose(1, 0, 2)

    told = (
        f"com.microsoft.MultiHeadAttention on [1, tokens, heads * d], "
        f"unidirectional={shape['causal']}, {threads} threads"
    )
    return lambda: session.run(None, feed)[0], output, told


def openvino(shape, inputs, threads):
    if shape["backward"]:
        raise PeerError("has no backward pass")
    ov = load("openvino")
    ops = load("openvino.opset13")
    kind = ov.Type.bf16 if shape["dtype"] == "bf16" else ov.Type.f32
    parameters = [ops.parameter([1, *inputs[name].shape], kind) for name in "qkv"]
    q, k, v = parameters
    group = shape["heads"] // shape["kv_heads"]
    if group > 1:  # as exported models repeat the keys of a group
        k, v = (repeated(ops, x, shape, group) for x in (k, v))
    attention = ops.scaled_dot_product_attention(q, k, v, causal=shape["causal"])
    compiled = ov.Core().compile_model(
        ov.Model([attention], parameters),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": kind,
        },
    )
    request = compiled.create_infer_request()
    for i, name in enumerate("qkv"):
        array = np.ascontiguousarray(inputs[name])[None]
        tensor = ov.Tensor(kind, array.shape)
        data = to_bf16(array) if shape["dtype"] == "bf16" else array
        np.copyto(tensor.data.view(data.dtype), data)
        request.set_input_tensor(i, tensor)

    def output(_):
        o = request.get_output_tensor(0).data
        return (from_bf16(o.view(np.uint16)) if shape["dtype"] == "bf16" else o)[0].astype(
            np.float32
        )

    told = (
        f"opset13 ScaledDotProductAttention on [1, heads, tokens, d] {shape['dtype']}, "
        f"latency hint, inference precision {shape['dtype']}, {threads} threads"
        + (", keys of a group by Broadcast" if group > 1 else "")
    )
    return request.infer, output, told


def repeated(ops, x, shape, group):
    """[1, kv_heads, tokens, d] as [1, heads, tokens, d]."""
    kv_heads, tokens, d = shape["kv_heads"], shape["seqlen_k"], shape["head_dim"]
    x = ops.unsqueeze(x, ops.constant([2], np.int64))
    x = ops.broadcast(x, ops.constant([1, kv_heads, group, tokens, d], np.int64))
    return ops.reshape(x, ops.constant([1, kv_heads * group, tokens, d], np.int64), False)


peers = {"PyTorch": pytorch, "ONNX Runtime": onnx_runtime, "OpenVINO": openvino}
