#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "base/progress.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

static void read_back(FILE *stream, char *text, size_t room)
{
    rewind(stream);
    text[fread(text, 1, room - 1, stream)] = '\0';
    fclose(stream);
}

Test(progress_show, a_log_gets_a_line_for_each_tenth)
{
    char text[4000];
    FILE *log = tmpfile();
    ef_progress *progress = ef_progress_create(log, "search", 1000);
    for (size_t i = 0; i <= 1000; i++) {
        ef_progress_show(progress, i, "best %zu", i);
    }
    ef_progress_destroy(progress);
    read_back(log, text, sizeof text);
    size_t n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        n++;
    }
    cr_assert_eq(n, 10, "%s", text);
    cr_assert_eq(strncmp(text, "search: 100/1000, ", 18), 0, "%s", text);
    cr_assert(strstr(text, " left; best 100\n"), "%s", text);
    cr_assert(strstr(text, "search: 1000/1000; best 1000\n"), "%s", text);
    cr_assert_null(strchr(text, '\r'));
    cr_assert_null(strchr(text, '\033'));
}

Test(progress_show, the_last_state_is_shown_at_the_end)
{
    char text[4000];
    FILE *log = tmpfile();
    ef_progress *progress = ef_progress_create(log, "train", 1000);
    ef_progress_show(progress, 3, "%s", "stopped early");
    ef_progress_destroy(progress);
    read_back(log, text, sizeof text);
    cr_assert_eq(strncmp(text, "train: 3/1000; ", 15), 0, "%s", text);
    cr_assert(strstr(text, "; stopped early\n"), "%s", text);
}

Test(progress_show, an_unknown_total_is_counted)
{
    char text[4000];
    FILE *log = tmpfile();
    ef_progress *progress = ef_progress_create(log, "faults", 0);
    ef_progress_show(progress, 17, "%s", "");
    ef_progress_destroy(progress);
    read_back(log, text, sizeof text);
    cr_assert_str_eq(text, "faults: 17\n");
}

Test(progress_show, quiet_says_nothing)
{
    ef_progress *progress = ef_progress_create(NULL, "search", 10);
    cr_assert_not_null(progress);
    ef_progress_show(progress, 10, "%s", "x");
    ef_progress_destroy(progress);
}

Test(progress_create, short_memory_costs_the_progress_only)
{
    ef_mem_fail_after(0);
    ef_progress *progress = ef_progress_create(stderr, "search", 10);
    ef_mem_fail_after(-1);
    cr_assert_null(progress);
    ef_progress_show(progress, 1, "%s", "x");
    ef_progress_destroy(progress);
}

Test(progress_show, a_terminal_gets_one_line_redrawn_at_most_ten_times_a_second)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        cr_skip_test("no pseudo-terminal here");
    }
    double start = ef_clock_s();
    FILE *terminal = fopen(ptsname(master), "w");
    cr_assert_not_null(terminal);
    ef_progress *progress = ef_progress_create(terminal, "search", 4);
    for (size_t i = 0; i <= 200; i++) {
        ef_progress_show(progress, i / 100, "step %zu", i);
        if (i == 100) {
            const struct timespec pause = {.tv_nsec = 150000000};
            nanosleep(&pause, NULL);
        }
    }
    ef_progress_destroy(progress);
    double most = 2 + 10 * (ef_clock_s() - start);
    char text[4000] = "";
    ssize_t n = read(master, text, sizeof text - 1);
    cr_assert_gt(n, 0);
    fclose(terminal);
    close(master);
    size_t redraws = 0;
    for (const char *p = text; (p = strchr(p, '\r')); p++) {
        redraws += p[1] == '\033';
    }
    cr_assert(redraws >= 2 && (double)redraws <= most, "%zu redraws", redraws);
    cr_assert(strstr(text, "\r\033[Ksearch: [##########          ] 2/4; step 200\r\n"),
              "%s", text);
}

Test(progress_clock, the_clock_goes_forward_in_seconds)
{
    double start = ef_clock_s();
    const struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    double spent = ef_clock_s() - start;
    cr_assert(spent >= 0.02 && spent < 5, "%g", spent);
}
