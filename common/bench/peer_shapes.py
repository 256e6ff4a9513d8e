"""The shapes that peers.py measures: those of `ladder bench` that peers know as well."""


def shape(name, dtype, seqlen, head_dim, causal=False, heads=4, backward=False):
    return {
        "name": name,
        "dtype": dtype,
        "seqlen_q": seqlen,
        "seqlen_k": seqlen,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": head_dim,
        "causal": causal,
        "backward": backward,
        "stage": "03",
    }


def backward(name, head_dim, dtype="f32", **more):
    name = f"backward {dtype} {name} d={head_dim}"
    return shape(name, dtype, 4096, head_dim, **more, backward=True)


def decode(name, dtype, kv_heads, keys=65536):
    return {
        "name": name,
        "dtype": dtype,
        "seqlen_q": 1,
        "seqlen_k": keys,
        "heads": 16,
        "kv_heads": kv_heads,
        "head_dim": 128,
        "causal": False,
        "backward": False,
        "stage": "06",
    }


shapes = [
    *(
        shape(f"f32 {'causal' if causal else 'full'} d={d} N={n}", "f32", n, d, causal)
        for n in (4096, 1024)
        for causal in (False, True)
        for d in (128, 64)
    ),
    *(shape(f"bf16 full d={d} N=4096", "bf16", 4096, d) for d in (128, 64)),
    *(
        decode(f"decode {dtype} 64k 16:{kv_heads}", dtype, kv_heads)
        for kv_heads in (2, 16)
        for dtype in ("f32", "bf16")
    ),
    *(backward("full", d) for d in (128, 64)),
    *(backward("causal", d, causal=True) for d in (128, 64)),
    *(backward("1 head", d, heads=1) for d in (128, 64)),
    *(backward("full", d, "bf16") for d in (128, 64)),
]
