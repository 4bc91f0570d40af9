#include "cmd/nearest.h"

#include <string.h>

enum { WORD_MAX = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t ef_nearest_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX) {
        return WORD_MAX;
    }
    /* d[i][j]: the distance of the first i letters of a from the first j of b. */
    unsigned char d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= n; i++) {
        d[i][0] = (unsigned char)i;
    }
    for (size_t j = 0; j <= m; j++) {
        d[0][j] = (unsigned char)j;
    }
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t other = a[i - 1] != b[j - 1];
            size_t best = least(d[i - 1][j] + 1U, d[i][j - 1] + 1U);
            best = least(best, d[i - 1][j - 1] + other);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = least(best, d[i - 2][j - 2] + 1U);
            }
            d[i][j] = (unsigned char)best;
        }
    }
    return d[n][m];
}

int ef_nearest_is_slip(const char *a, const char *b)
{
    size_t allowed = strlen(b) / 3;
    return ef_nearest_distance(a, b) <= (allowed > 1 ? allowed : 1);
}
