// What C++ for a CPU and CUDA C++ write differently.
#pragma once

#if defined(__CUDACC__)
#define TILE_HOST_DEVICE __host__ __device__  // called by kernels and by the host
#define TILE_KERNEL __device__                // part of a kernel
#else
#define TILE_HOST_DEVICE
#define TILE_KERNEL
#endif
