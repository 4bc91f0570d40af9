/* evoflip: evolves network topologies for hardware that makes errors. */
#include <stdio.h>

#include "config.h"

int main(void)
{
    puts(PACKAGE_STRING);
    return fflush(stdout) == 0 ? 0 : 4;
}
