#!/usr/bin/env python3
"""Predicted weak and strong scaling of data-parallel training to many ranks. Nothing here is measured.

usage: model.py [--slot-ms 40] [--megabytes 17.1] [--alpha-us 2] [--beta-gb-s 25] [--buckets 4] [--spread 0.01]
                [--slots 1024] [--most 1024]

A rank computes its slots one after the other; buckets of the gradient leave during the last backward pass (two thirds
of a slot), each as one exchange and one gather: 2 (n - 1) (alpha + bytes / n / beta). What is left when the pass ends,
and at least the last bucket, is waited for. All ranks wait for the slowest: spread x sqrt(2 ln n) of the compute time.
"""

import argparse
import math


def step_ms(o, ranks, slots):
    compute = slots * o.slot_ms
    straggler = compute * o.spread * math.sqrt(2 * math.log(ranks)) if ranks > 1 else 0.0
    bucket_mb = o.megabytes / o.buckets
    bucket = 2 * (ranks - 1) * (o.alpha_us * 1e-3 + bucket_mb / ranks / o.beta_gb_s)  # MB / (GB/s) = ms
    exchange = o.buckets * bucket
    hidden = 2 / 3 * o.slot_ms * (1 - 1 / o.buckets)
    exposed = max(bucket, exchange - hidden)
    loss = "" if ranks == 1 else "stragglers" if straggler > exposed else "exchange"
    return compute + straggler + exposed, exposed, loss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slot-ms", type=float, default=40)
    parser.add_argument("--megabytes", type=float, default=17.1)
    parser.add_argument("--alpha-us", type=float, default=2)
    parser.add_argument("--beta-gb-s", type=float, default=25)
    parser.add_argument("--buckets", type=int, default=4)
    parser.add_argument("--spread", type=float, default=0.01)
    parser.add_argument("--slots", type=int, default=1024)
    parser.add_argument("--most", type=int, default=1024)
    o = parser.parse_args()
    print(f"predicted: slot {o.slot_ms} ms, gradient {o.megabytes} MB in {o.buckets} buckets, alpha {o.alpha_us} us, "
          f"beta {o.beta_gb_s} GB/s, spread {o.spread:.1%}; strong: {o.slots} slots in all")
    print(f"{'ranks':>5} | {'weak ms':>8} {'exposed':>8} {'effic.':>7} | {'strong ms':>9} {'effic.':>7} | larger loss (weak)")
    alone = step_ms(o, 1, 1)[0]
    ranks = 1
    while ranks <= o.most:
        weak, exposed, loss = step_ms(o, ranks, 1)
        strong = step_ms(o, ranks, max(1, o.slots // ranks))[0]
        print(f"{ranks:>5} | {weak:>8.2f} {exposed:>8.2f} {alone / weak:>7.3f} | {strong:>9.1f} "
              f"{step_ms(o, 1, o.slots)[0] / (ranks * strong):>7.3f} | {loss}")
        ranks *= 4 if ranks < 4 else 2
    return 0


if __name__ == "__main__":
    main()
