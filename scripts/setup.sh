#!/usr/bin/env bash
# Installs the Debian / Ubuntu packages that pear needs and that are missing, and says which.
#   scripts/setup.sh [build] [test] [bench] [fuzz] [slurm]        (default: build)
# The list below is the only place where packages are named; DEPENDENCIES.md says why each is there.
set -euo pipefail

build=(g++ cmake ninja-build make git pkg-config ccache mold patchelf python3 python3-pip
       libnetcdf-dev libhdf5-dev libfmt-dev libspdlog-dev libyaml-cpp-dev nlohmann-json3-dev libssl-dev libhwy-dev
       libgomp1 zlib1g-dev)
mpi=(libopenmpi-dev openmpi-bin)
test=(libgtest-dev libhealpix-cxx-dev libeccodes-tools netcdf-bin shellcheck)
bench=(libbenchmark-dev cdo)
fuzz=(clang libomp-dev)
slurm=(slurmctld slurmd slurm-client munge)

wanted=()
for set in "${@:-build}"; do
  case $set in
    build) wanted+=("${build[@]}"); [ "${PEAR_MPI:-ON}" = OFF ] || wanted+=("${mpi[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    fuzz) wanted+=("${fuzz[@]}") ;;
    slurm) wanted+=("${slurm[@]}") ;;
    *) echo "setup: unknown set '$set' (build, test, bench, fuzz, slurm)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is no Debian or Ubuntu; please install by hand: ${wanted[*]}" >&2
  exit 0
fi
missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#wanted[@]} packages are installed" >&2
  exit 0
fi
echo "setup: installing ${missing[*]}" >&2
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: need root or sudo to install: ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "setup: the installation failed, see above" >&2
  exit 1
fi
