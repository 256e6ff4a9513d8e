"""The shapes that peers.py measures: those of `ladder bench` that peers know as well."""


def shape(name, dtype, seqlen, head_dim, causal=False):
    return {
        "name": name,
        "dtype": dtype,
        "seqlen_q": seqlen,
        "seqlen_k": seqlen,
        "heads": 4,
        "kv_heads": 4,
        "head_dim": head_dim,
        "causal": causal,
        "stage": "03",
    }


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
]
