#!/usr/bin/env python3
"""Prints the constants of src/base/mathfn.c: near-minimax polynomials, made by
Chebyshev interpolation with 100 digits (mpmath's chebyfit), and their errors."""
from mpmath import mp, mpf, log, exp, sqrt, erf, erfc, atanh, chebyfit

mp.dps = 100


def with_limit(function, order, scale=mpf(10) ** -25):
    """The function, replaced by its value beside a removable singularity at 0."""
    def safe(x):
        if abs(x) < scale:
            x = scale if x >= 0 else -scale
        return function(x)
    return safe


def show(name, function, interval, n):
    coefficients, error = chebyfit(function, interval, n, error=True)
    print("%s: degree %d on [%s, %s], error %s" % (
        name, n - 1, mp.nstr(interval[0], 8), mp.nstr(interval[1], 8),
        mp.nstr(error, 3)))
    for i, c in enumerate(reversed(coefficients)):
        print("    %2d %s  %s" % (i, float(c).hex(), mp.nstr(c, 20)))


def split(name, value, bits):
    """value as a double of so many bits, and the double of what is left."""
    scale = mpf(2) ** (bits - 1 - int(mp.floor(mp.log(value, 2))))
    high = mp.floor(value * scale) / scale
    print("%s = %s + %s" % (name, float(high).hex(), float(value - high).hex()))


ln2 = log(mpf(2))
half = ln2 / 2 * (1 + mpf(2) ** -20)
edge = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * (1 + mpf(2) ** -20)

split("ln 2", ln2, 32)
split("2 / (3 ln 2)", 2 / (3 * ln2), 26)
print("1 / ln 2 = %s" % float(1 / ln2).hex())
print("ln 2     = %s" % float(ln2).hex())
show("exp: (e^r - 1 - r) / r^2",
     with_limit(lambda r: (exp(r) - 1 - r) / r ** 2, 2), [-half, half], 10)
show("log: (2 atanh(s) / s - 2) / s^2, of z = s^2",
     with_limit(lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z
                if z > 0 else mpf(2) / 3, 1), [mpf(0), edge], 7)
show("pow: 3 (atanh(s) / s - 1 - z / 3) / z^2, of z = s^2",
     with_limit(lambda z: 3 * (atanh(sqrt(z)) / sqrt(z) - 1 - z / 3) / z ** 2
                if z > 0 else mpf(3) / 5, 2), [mpf(0), edge], 8)
show("exp2: (2^r - 1 - r ln 2) / r^2",
     with_limit(lambda r: (mpf(2) ** r - 1 - r * ln2) / r ** 2, 2),
     [-mpf(1) / 2 - mpf(2) ** -20, mpf(1) / 2 + mpf(2) ** -20], 10)
show("erf: erf(x) / x, of z = x^2",
     with_limit(lambda z: erf(sqrt(z)) / sqrt(z)
                if z > 0 else 2 / sqrt(mp.pi), 1), [mpf(0), mpf(1)], 12)
show("erfc: e^(x^2) erfc(x), of t = 1 / (x + 3)",
     lambda t: exp((1 / t - 3) ** 2) * erfc(1 / t - 3),
     [mpf(1) / 9, mpf(1) / 4], 16)
