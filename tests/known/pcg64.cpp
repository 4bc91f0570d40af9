// Prints rows of pcg64.inc by the C++ PCG library 0.98.1 (Debian: libpcg-cpp-dev):
//     g++ -o pcg64 pcg64.cpp && (./pcg64; python3 pcg64.py) > pcg64.inc
#include <cstdint>
#include <cstdio>
#include <pcg_random.hpp>

using pcg_extras::pcg128_t;

static void print_wide(pcg128_t x)
{
    std::printf(" {0x%016llx, 0x%016llx},", (unsigned long long)(x >> 64),
                (unsigned long long)x);
}

static void print_row(pcg128_t state, pcg128_t stream, pcg128_t ahead)
{
    pcg64 rng(state, stream);
    rng.advance(ahead);
    std::printf("{\"pcg-cpp\",");
    print_wide(state);
    print_wide(stream);
    print_wide(ahead);
    std::printf("\n {");
    for (int i = 0; i < 6; i++) {
        std::printf("%s0x%016llx", i ? i == 3 ? ",\n  " : ", " : "",
                    (unsigned long long)rng());
    }
    std::printf("}},\n");
}

int main()
{
    const pcg128_t big =
        PCG_128BIT_CONSTANT(0x9e3779b97f4a7c15ULL, 0xf39cc0605cedc834ULL);
    std::printf("/* Made by pcg64.cpp and pcg64.py. */\n");
    for (int ahead = 0; ahead < 3; ahead++) {
        const pcg128_t deltas[] = {0, 1000003, big};
        print_row(0, 0, deltas[ahead]);
        print_row(42, 54, deltas[ahead]);
        print_row(big, ~big, deltas[ahead]);
    }
}
