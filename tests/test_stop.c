#include "base/stop.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(stop_install, a_first_signal_is_a_wish)
{
    ef_stop_install();
    cr_assert_not(ef_stop_requested());
    raise(SIGTERM);
    cr_assert(ef_stop_requested());
}

Test(stop_install, a_second_signal_ends_the_program, .signal = SIGINT)
{
    ef_stop_install();
    raise(SIGINT);
    cr_assert(ef_stop_requested());
    raise(SIGINT);
}

Test(stop_install, the_second_may_be_the_other_one, .signal = SIGTERM)
{
    ef_stop_install();
    raise(SIGINT);
    cr_assert(ef_stop_requested());
    raise(SIGTERM);
}
