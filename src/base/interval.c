/* [1] E. B. Wilson, Probable inference, the law of succession, and statistical
 *     inference, Journal of the American Statistical Association 22, 1927,
 *     doi:10.1080/01621459.1927.10502953. */
#include "base/interval.h"

#include <math.h>

ef_interval ef_interval_wilson(double share, double n, double z)
{
    if (!(n > 0) || isnan(share)) {
        return (ef_interval){0, 1};
    }
    double square = z * z / n;
    double centre = (share + square / 2) / (1 + square);
    double half =
        sqrt(share * (1 - share) * square + square * square / 4) / (1 + square);
    /* Where the closed form meets the share or a bound, rounding may step over it. */
    return (ef_interval){
        .low = share > 0 ? fmax(0, fmin(share, centre - half)) : 0,
        .high = share < 1 ? fmin(1, fmax(share, centre + half)) : 1,
    };
}
