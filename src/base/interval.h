/* Confidence intervals of a share. */
#ifndef EF_BASE_INTERVAL_H
#define EF_BASE_INTERVAL_H

/* The normal quantile of a two-sided interval of 95 %. */
#define EF_INTERVAL_Z95 1.959963984540054

typedef struct ef_interval {
    double low, high;
} ef_interval;

/* Wilson's score interval [1] of a share in [0, 1] that was
 * observed on n independent draws; z is the normal quantile.  n may be any number above
 * 0, as an effective size is.  Always inside [0, 1] and around share; [0, 1] where n is
 * not above 0 or share is NaN. */
ef_interval ef_interval_wilson(double share, double n, double z);

#endif
