#include "faultsim/kernels.h"

#include <math.h>

#define NAME(x) x##_portable
#define TARGET
#ifndef WIDTH /* a test compiles this file with the sizes of AVX-512 */
#define WIDTH 4
#define BLOCK 4
#define KERNELS ef_kernels_portable
#endif

/* Plain C with fmaf; compilers turn the loops into vectors where the target has a
 * fused multiply-add. */
typedef struct vec {
    float f[WIDTH];
} vec;

#define EACH(expression)                                                               \
    vec result;                                                                        \
    for (int i = 0; i < WIDTH; i++) {                                                  \
        result.f[i] = (expression);                                                    \
    }                                                                                  \
    return result;

#include "faultsim/functions.h"

EF_INLINE vec load(const float *p){EACH(p[i])}

EF_INLINE void store(float *p, vec x)
{
    for (int i = 0; i < WIDTH; i++) {
        p[i] = x.f[i];
    }
}

EF_INLINE vec splat(float x){EACH(x)}

EF_INLINE vec fused(vec x, vec y, vec z){EACH(fmaf(x.f[i], y.f[i], z.f[i]))}

EF_INLINE vec sum_of(vec x, vec y){EACH(x.f[i] + y.f[i])}

EF_INLINE vec difference_of(vec x, vec y){EACH(x.f[i] - y.f[i])}

EF_INLINE vec product_of(vec x, vec y){EACH(x.f[i] * y.f[i])}

EF_INLINE vec quotient_of(vec x, vec y){EACH(x.f[i] / y.f[i])}

EF_INLINE vec greatest_of(vec a, vec x){EACH(a.f[i] > x.f[i] ? a.f[i] : x.f[i])}

EF_INLINE vec least_of(vec a, vec x){EACH(a.f[i] < x.f[i] ? a.f[i] : x.f[i])}

EF_INLINE vec greater_or_nan(vec x, vec m){
    EACH(m.f[i] == m.f[i] && !(x.f[i] <= m.f[i]) ? x.f[i] : m.f[i])}

EF_INLINE vec sloped(vec x, vec a){EACH(x.f[i] >= 0 ? x.f[i] : a.f[i] * x.f[i])}

EF_INLINE vec canon(vec x)
{
    EACH(canonical(x.f[i]))
}

#define LOAD(p) load(p)
#define STORE(p, x) store(p, x)
#define SPLAT(x) splat(x)
#define FMA(x, y, z) fused(x, y, z)
#define ADD(x, y) sum_of(x, y)
#define SUB(x, y) difference_of(x, y)
#define MUL(x, y) product_of(x, y)
#define DIV(x, y) quotient_of(x, y)
#define MAXOF(a, x) greatest_of(a, x)
#define MINOF(a, x) least_of(a, x)
#define GREATER_OR_NAN(x, m) greater_or_nan(x, m)
#define SLOPED(x, a) sloped(x, a)
#define CANON(x) canon(x)

#include "faultsim/kernels_body.h"

const ef_kernels KERNELS = {.name = "portable", TABLE};
