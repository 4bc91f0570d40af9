#include "evolve/igd.h"

#include <math.h>

static double squared_distance(const double *a, const double *b, size_t m)
{
    double sum = 0;
    for (size_t k = 0; k < m; k++) {
        sum += (a[k] - b[k]) * (a[k] - b[k]);
    }
    return sum;
}

double ef_igd(const double *points, size_t n, const double *front, size_t n_front,
              size_t n_objectives)
{
    size_t m = n_objectives;
    double sum = 0;
    for (size_t j = 0; j < n_front; j++) {
        double nearest = INFINITY;
        for (size_t i = 0; i < n; i++) {
            double squared = squared_distance(points + i * m, front + j * m, m);
            nearest = squared < nearest ? squared : nearest;
        }
        sum += sqrt(nearest);
    }
    return sum / (double)n_front;
}
