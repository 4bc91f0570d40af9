// Prints problems.inc: objectives by pagmo (libpagmo-dev).
//   g++ -std=c++17 problems.cpp -lpagmo -lboost_serialization -ltbb && ./a.out > problems.inc
#include <cstdio>
#include <pagmo/problems/dtlz.hpp>
#include <pagmo/problems/zdt.hpp>
#include <string>
#include <vector>

template <typename Problem>
static void print(const std::string &name, const Problem &problem, double low, double high,
                  std::size_t n)
{
    // Genes that a test can make again: steps of a golden ratio through the bounds.
    for (int row = 0; row < 6; row++) {
        std::vector<double> x(n);
        for (std::size_t i = 0; i < n; i++) {
            double share = 0.6180339887498949 * (double)(i + 1) * (double)(row + 1);
            share -= (double)(long)share;
            if (row == 0 && i > 0) {
                share = 0.5; // in the middle
            }
            x[i] = i == 0 ? share : low + share * (high - low);
        }
        auto f = problem.fitness(x);
        std::printf("{\"%s\", %d, {%.17g, %.17g, %.17g}},\n", name.c_str(), row, f[0],
                    f[1], f.size() > 2 ? f[2] : 0.0);
    }
}

int main()
{
    for (unsigned id : {1u, 2u, 3u, 4u, 6u}) {
        std::size_t n = id < 4 ? 30 : 10;
        print("zdt" + std::to_string(id), pagmo::zdt(id, (unsigned)n), id == 4 ? -5 : 0,
              id == 4 ? 5 : 1, n);
    }
    print("dtlz2", pagmo::dtlz(2, 12, 3), 0, 1, 12);
}
