"""Makes fp8.safetensors: what the ml_dtypes package (of JAX and NumPy) says about FP8.

    pip install ml_dtypes safetensors
    python make_fp8.py <output folder>

For each of the formats e4m3 (ml_dtypes.float8_e4m3fn) and e5m2 (ml_dtypes.float8_e5m2):
  <format>            [256]    f32   the value of each code
  <format>_from_bf16  [65536]  u8    the code to which each bf16 is rounded, in the order of their bits
  <format>_from_f16   [65536]  u8    the same for f16

Conversion saturates, as CUDA's __NV_SATFINITE does: ml_dtypes would round what is too large to NaN or to infinity, so the values are
first limited to the largest finite one.
"""
import sys
import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

formats = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
sources = {"bf16": ml_dtypes.bfloat16, "f16": np.float16}
tensors = {}
for name, fp8 in formats.items():
    largest = float(ml_dtypes.finfo(fp8).max)
    tensors[name] = np.arange(256, dtype=np.uint8).view(fp8).astype(np.float32)
    for source, dtype in sources.items():
        values = np.arange(65536, dtype=np.uint16).view(dtype).astype(np.float32)
        tensors[f"{name}_from_{source}"] = np.clip(values, -largest, largest).astype(fp8).view(np.uint8)
save_file(tensors, f"{sys.argv[1]}/fp8.safetensors", {"ml_dtypes": ml_dtypes.__version__})
