// Marks a function that a CPU loop and a CUDA kernel share.
#pragma once

#ifdef __CUDACC__
#define PEAR_HOST_DEVICE __host__ __device__
#else
#define PEAR_HOST_DEVICE
#endif
