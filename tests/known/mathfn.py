#!/usr/bin/env python3
"""Makes mathfn.inc: exact values by mpmath with 60 digits, as the nearest double and
what is left of them.    python3 mathfn.py > mathfn.inc"""
import math
import random

import mpmath
from mpmath import mp, mpf

mp.dps = 60
random.seed(20)
MAX = math.ldexp(1 - 2.0 ** -53, 1024)


def row(name, function, x, y=0.0):
    exact = function(mpf(x), mpf(y))
    high = float(exact)
    if math.isinf(high) or high == 0:
        return
    low = float(exact - mpf(high))
    print("{\"%s\", %s, %s, %s, %s}," % (
        name, x.hex(), y.hex(), high.hex(), low.hex()))


def uniform(low, high, n):
    return [low + (high - low) * random.random() for _ in range(n)]


def near_one(n):
    return [1 + random.choice((-1, 1)) * 2.0 ** -random.uniform(1, 52)
            for _ in range(n)]


print("/* Made by mathfn.py with mpmath %s. */" % mpmath.__version__)
exp = lambda x, y: mp.exp(x)
for x in (uniform(-745, 709.7, 60) + uniform(-0.4, 0.4, 30)
          + uniform(-745.1, -708, 20) + uniform(708, 709.78, 10)
          + [1.0, -1.0, 2.0 ** -60, 709.782712893384, -745.1332191019411]):
    row("exp", exp, x)
log = lambda x, y: mp.log(x)
for x in ([2.0 ** e for e in uniform(-1074, 1023.99, 40)] + uniform(0.5, 2, 50)
          + near_one(30) + [math.ldexp(1, -1074), MAX, 2.0, 10.0]):
    row("log", log, x)
power = lambda x, y: mp.power(x, y)
for x in uniform(0, 2, 40):
    row("pow", power, x, 1 / 16)
    row("pow", power, x, 1 / 21)
    row("pow", power, x, random.uniform(-3, 3))
for x in [2.0 ** e for e in uniform(-1074, 1023, 40)] + near_one(40):
    if x != 1:
        row("pow", power, x, random.uniform(-1074, 1023.9) / math.log2(x))
for x, y in ((10.0, 22.0), (10.0, -22.0), (2.0, 0.5), (2.0, -1074.0), (2.0, 1023.0),
             (MAX, 1.0), (MAX, -1.0), (1 + 2.0 ** -52, 2.0 ** 58)):
    row("pow", power, x, y)
erf = lambda x, y: mp.erf(x)
for x in uniform(-6.5, 6.5, 60) + uniform(-1.1, 1.1, 40) + [1e-300, 1.0, -1.0, 6.0]:
    row("erf", erf, x)
