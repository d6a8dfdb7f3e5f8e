// Options of the spherical harmonic transform.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "sphere/grid/grid.h"

namespace pear::sphere {

/// How the sum over longitudes is done. Automatic: FFT from 128 longitudes on, else a matrix; but on a CPU, where
/// autograd does not record, a folded matrix up to 384 longitudes if 4 divides their number (fourier_sums.h).
enum class FourierKind { Automatic, Matrix, Fft };

struct HarmonicsOptions {
  int64_t truncation = 0;            ///< N: degrees 0..N of scalars (triangular)
  int64_t num_rows = 0;              ///< latitudes, pole to pole
  int64_t num_columns = 0;           ///< longitudes, from 0 eastwards; more than 2 N
  RowKind rows = RowKind::Gaussian;  ///< Gaussian, Poles, Half or North
  FourierKind fourier = FourierKind::Automatic;
  torch::Dtype dtype = torch::kFloat32;  ///< float32 or float64; tables are built in float64 and rounded once
  torch::Device device = torch::kCPU;
};

}  // namespace pear::sphere
