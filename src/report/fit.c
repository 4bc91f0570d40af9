#include "report/fit.h"

#include <math.h>

ef_fit ef_fit_of(double raw_per_mbit, uint64_t bits, double share, ef_interval interval)
{
    double all = raw_per_mbit / EF_FIT_MBIT * (double)bits;
    return (ef_fit){all * share, {all * interval.low, all * interval.high}};
}

ef_fit ef_fit_sum(const ef_fit *parts, size_t n)
{
    ef_fit sum = {0, {0, 0}};
    double below = 0, above = 0;
    for (size_t i = 0; i < n; i++) {
        double down = parts[i].value - parts[i].interval.low;
        double up = parts[i].interval.high - parts[i].value;
        sum.value += parts[i].value;
        below += down * down;
        above += up * up;
    }
    sum.interval = (ef_interval){sum.value - sqrt(below), sum.value + sqrt(above)};
    return sum;
}
