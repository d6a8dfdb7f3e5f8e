"""dinosaur (jax, CPU) next to `dycore`: dry Held-Suarez, float32, same truncation, grid and number of layers, one core.

usage: peer.py PROGRAM     (needs dinosaur and jax; both sides on the core that this process may use first)

CPU time per step on both sides, best of several repeats; compilation is left out. Both start from rest with noise and
run a few dozen steps first. dinosaur's levels are uniform (its cost does not depend on where they lie).
"""

import json
import os
import subprocess
import sys
import time

CORE = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {CORE})
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["OMP_NUM_THREADS"] = "1"

import dinosaur  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
from dinosaur import (  # noqa: E402
    coordinate_systems,
    held_suarez,
    leapfrog_utils,
    primitive_equations,
    primitive_equations_states,
    scales,
    sigma_coordinates,
    spherical_harmonic,
    time_integration,
    xarray_utils,
)

REPEATS, STEPS = 12, 24
MINUTES = {21: 45, 31: 36, 42: 24}
IMPLEMENTATIONS = (spherical_harmonic.RealSphericalHarmonics, spherical_harmonic.FastSphericalHarmonics)


def model(truncation, layers, implementation):
    """Equation, state and time step without units."""
    units = scales.units
    grid = getattr(spherical_harmonic.Grid, f"T{truncation}")(spherical_harmonics_impl=implementation)
    vertical = sigma_coordinates.SigmaCoordinates.equidistant(layers)
    coords = coordinate_systems.CoordinateSystem(horizontal=grid, vertical=vertical)
    specs = primitive_equations.PrimitiveEquationsSpecs.from_si()
    start, features = primitive_equations_states.isothermal_rest_atmosphere(
        coords, specs, p0=1e5 * units.pascal, p1=5e3 * units.pascal
    )
    reference = features[xarray_utils.REF_TEMP_KEY]
    orography = primitive_equations.truncated_modal_orography(features[xarray_utils.OROGRAPHY], coords)
    dynamics = primitive_equations.PrimitiveEquations(reference, orography, coords, specs)
    forcing = held_suarez.HeldSuarezForcing(coords=coords, physics_specs=specs, reference_temperature=reference)
    equation = time_integration.compose_equations([dynamics, forcing])
    return grid, equation, start(rng_key=jax.random.PRNGKey(0)), specs.nondimensionalize(MINUTES[truncation] * units.minute)


def cpu_ms(step, state):
    """Time of one step in scans of STEPS."""
    run = jax.jit(lambda x: jax.lax.scan(lambda y, _: (step(y), None), x, None, length=STEPS)[0])
    state = jax.block_until_ready(run(jax.block_until_ready(run(state))))
    best = 1e300
    for _ in range(REPEATS):
        begin = time.process_time()
        state = jax.block_until_ready(run(state))
        best = min(best, time.process_time() - begin)
    leaves = jax.tree_util.tree_leaves(state)
    assert all(np.isfinite(np.asarray(x)).all() for x in leaves) and leaves[0].dtype == np.float32
    return 1e3 * best / STEPS


def schemes(truncation, layers):
    """Fastest of dinosaur's transforms for each time scheme: (leapfrog, SIL3)."""
    best = [1e300, 1e300]
    for implementation in IMPLEMENTATIONS:
        grid, equation, state, dt = model(truncation, layers, implementation)
        leap = leapfrog_utils.semi_implicit_leapfrog(equation, dt)
        filters = [
            leapfrog_utils.exponential_leapfrog_step_filter(grid, dt),
            leapfrog_utils.robert_asselin_leapfrog_filter(0.05),
        ]
        best[0] = min(best[0], cpu_ms(time_integration.step_with_filters(leap, filters), (state, state)))
        sil3 = time_integration.imex_rk_sil3(equation, dt)
        filters = [time_integration.exponential_step_filter(grid, dt)]
        best[1] = min(best[1], cpu_ms(time_integration.step_with_filters(sil3, filters), state))
    return best


def main():
    report = subprocess.run([sys.argv[1], "--quick"], check=True, capture_output=True, text=True).stdout
    results = json.loads(report.splitlines()[-1])["results"]
    version = getattr(dinosaur, "__version__", "?")
    print(f"dinosaur {version}, jax {jax.__version__}, float32, core {CORE}; CPU ms per step; ratio = dinosaur / pear")
    for r in results:
        if r["physics"] != "dry Held-Suarez" or r["dtype"] != "float32":
            continue
        leapfrog, sil3 = schemes(r["truncation"], r["layers"])
        ours = r["step_ms"]
        print(
            f"T{r['truncation']}L{r['layers']}: pear {ours:7.3f}; leapfrog {leapfrog:7.3f}, ratio {leapfrog / ours:5.2f};"
            f" SIL3 {sil3:7.3f}, ratio {sil3 / ours:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
