#!/usr/bin/env python3
"""Prints rows of pcg64.inc by numpy's PCG64; the state is set as numpy's own state
dictionary holds it, without the seeding of pcg64.cpp.  See there for the command."""
from numpy.random import PCG64

BIG = 0x9e3779b97f4a7c15f39cc0605cedc834


def wide(x):
    return "{0x%016x, 0x%016x}" % (x >> 64, x & (2 ** 64 - 1))


def print_row(state, increment, ahead):
    rng = PCG64(0)
    rng.state = {"bit_generator": "PCG64", "has_uint32": 0, "uinteger": 0,
                 "state": {"state": state, "inc": increment}}
    rng.advance(ahead)
    draws = ["0x%016x" % rng.random_raw() for _ in range(6)]
    print("{\"numpy\", %s, %s, %s,\n {%s,\n  %s}}," % (
        wide(state), wide(increment), wide(ahead),
        ", ".join(draws[:3]), ", ".join(draws[3:])))


for ahead in (0, 1000003, BIG):
    print_row(0, 1, ahead)
    print_row(35399562948360463058890781895381311971,
              87136372517582989555478159403783844777, ahead)
