"""ducc0 on the coefficients of `harmonics --exchange FOLDER`: equal values first, then times and ratios.

usage: peer.py PROGRAM FOLDER     (needs numpy and ducc0; one thread, CPU time on both sides)
"""

import json
import os
import subprocess
import sys
import time

import ducc0
import numpy as np

REPEATS = 25


def best_ms(work):
    work()
    best = 1e300
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return 1e3 * best


def packed(c, lmax):
    """[N+1, 2, n, N+2] (order, part, field, l - m) -> ducc's triangle, 4 pi normalised, Condon-Shortley phase."""
    alm = np.zeros((c.shape[2], (lmax + 1) * (lmax + 2) // 2), np.complex64)
    at = 0
    for m in range(lmax + 1):
        values = c[m, 0, :, : lmax + 1 - m] + 1j * c[m, 1, :, : lmax + 1 - m]
        alm[:, at : at + lmax + 1 - m] = values * (np.sqrt(4 * np.pi) * (-1) ** m)
        at += lmax + 1 - m
    return alm


def main():
    program, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    subprocess.run([program, "--exchange", folder], check=True, env=environment)
    with open(os.path.join(folder, "pear.json"), encoding="utf-8") as file:
        report = json.load(file)
    n = report["fields"]
    print(f"ducc0 {ducc0.__version__}, {n} fields, float32, one thread, best of {REPEATS}, CPU ms; ratio = ducc0 / pear")
    for r in report["results"]:
        lmax, rows, columns = r["truncation"], r["rows"], r["columns"]
        c = np.fromfile(os.path.join(folder, f"coefficients_{lmax}.f32"), np.float32).reshape(lmax + 1, 2, n, lmax + 2)
        ours = np.fromfile(os.path.join(folder, f"grid_{lmax}.f32"), np.float32).reshape(n, rows, columns)
        alm = packed(c, lmax)
        batch, single = np.zeros((n, 1, rows, columns), np.float32), alm.reshape(n, 1, -1)
        options = dict(spin=0, lmax=lmax, geometry="GL", nthreads=1)
        again = np.zeros_like(single)

        def synthesis():
            for f in range(n):
                ducc0.sht.synthesis_2d(alm=single[f], map=batch[f], **options)

        def analysis():
            for f in range(n):
                ducc0.sht.analysis_2d(alm=again[f], map=batch[f], **options)

        their_synthesis = best_ms(synthesis)
        error = np.abs(batch[:, 0] - ours).max() / np.abs(ours).max()
        their_analysis = best_ms(analysis)
        error_back = np.abs(again - single).max() / np.abs(single).max()
        assert error < 5e-6 and error_back < 5e-6, (lmax, error, error_back)
        print(
            f"T{lmax:<4} equal to {error:.1e}; synthesis {their_synthesis:8.3f} / {r['synthesize_ms']:7.3f} ="
            f" {their_synthesis / r['synthesize_ms']:5.1f}; analysis {their_analysis:8.3f} / {r['analyze_ms']:7.3f} ="
            f" {their_analysis / r['analyze_ms']:5.1f}"
        )


if __name__ == "__main__":
    main()
