/* Elementary functions that give the same bits on every machine; libm's differ.
 * Accuracy: within 2 units in the last place of binary64 over the ranges named. */
#ifndef EF_BASE_MATHFN_H
#define EF_BASE_MATHFN_H

/* NaN gives NaN.  Overflow gives +infinity, underflow rounds through subnormals. */
double ef_exp(double x);
/* x > 0, subnormals included; 0 gives -infinity, x < 0 gives NaN. */
double ef_log(double x);
/* x >= 0; exp(y log x) with the logarithm carried in two doubles. */
double ef_pow(double x, double y);
/* The error function, absolute error below 1e-15. */
double ef_erf(double x);

#endif
