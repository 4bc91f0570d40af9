// pagmo's figures beside those of bench_evolve.c, with the same settings.
#include <cstddef>
#include <random>
#include <vector>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <pagmo/problems/zdt.hpp>
#include <pagmo/utils/multi_objective.hpp>

#include "bench.h"

// pagmo sorts by comparing all pairs: 100,000 points would take minutes and gigabytes.
static void bench_sorting(const char *figure, std::size_t m)
{
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> unit;
    std::vector<pagmo::vector_double> points(5000, pagmo::vector_double(m));
    for (auto &point : points) {
        for (auto &value : point) {
            value = unit(random);
        }
    }
    double start = bench_cpu();
    auto fronts = pagmo::fast_non_dominated_sorting(points);
    bench_print(figure, "pagmo", "ms", 1e3 * (bench_cpu() - start));
    bench_need(!std::get<0>(fronts).empty(), "pagmo found no front");
}

int main()
{
    pagmo::problem problem{pagmo::zdt(1, 30)};
    pagmo::population population{problem, 1000, 1};
    pagmo::nsga2 nsga2(250, 0.9, 15, 1.0 / 30, 20, 1);
    double start = bench_cpu();
    nsga2.evolve(population);
    double time = bench_cpu() - start;
    bench_print("NSGA-II, ZDT1, 1000 x 250 generations", "pagmo", "s", time);

    // moocore is not packaged: its times on a 2.5 GHz core on which pagmo took 12.6 s
    // for the run above, scaled to this machine.
    static const struct {
        const char *figure;
        double time_ms;
    } rows[] = {{"sorting 100,000 points, 2 objectives", 19},
                {"sorting 100,000 points, 3 objectives", 231},
                {"sorting 100,000 points, 4 objectives", 671},
                {"sorting 100,000 points, 6 objectives", 895}};
    for (const auto &row : rows) {
        bench_print(row.figure, "(moocore, scaled by pagmo)", "ms",
                    row.time_ms * time / 12.6);
    }
    bench_sorting("sorting 5,000 points, 2 objectives", 2);
    bench_sorting("sorting 5,000 points, 4 objectives", 4);
}
