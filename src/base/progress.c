#include "base/progress.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { BAR_WIDTH = 20, LINE_ROOM = 256 };
static const double redraw_s = 0.1, quiet_s = 60;

struct ef_progress {
    FILE *stream;
    char what[64];
    size_t total, done, before;
    int is_terminal;
    double start_s, shown_s;
    size_t shown_tenth;
    int shown_done;       /* the last line shows the last state */
    int is_over;          /* no time is left, be all of total done or not */
    char text[LINE_ROOM]; /* the caller's part of it */
};

double ef_clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

ef_progress *ef_progress_create(FILE *stream, const char *what, size_t total)
{
    ef_progress *progress = ef_calloc(1, sizeof *progress);
    if (!progress) {
        return NULL;
    }
    progress->stream = stream;
    snprintf(progress->what, sizeof progress->what, "%s", what);
    progress->total = total;
    progress->is_terminal = stream && isatty(fileno(stream));
    progress->start_s = progress->shown_s = ef_clock_s();
    progress->shown_done = 1;
    return progress;
}

/* "40 s", "12 min", "3.4 h": rough, as the estimate is. */
static void write_time(char *text, size_t room, double s)
{
    if (s < 100) {
        snprintf(text, room, "%.0f s", s);
    } else if (s < 6000) {
        snprintf(text, room, "%.0f min", s / 60);
    } else {
        snprintf(text, room, "%.1f h", s / 3600);
    }
}

static void write_bar(const ef_progress *progress, char *text, size_t room)
{
    if (!progress->is_terminal || progress->total == 0) {
        text[0] = '\0';
        return;
    }
    double share = (double)progress->done / (double)progress->total;
    int full = (int)(share * BAR_WIDTH);
    full = full < BAR_WIDTH ? full : BAR_WIDTH;
    snprintf(text, room, "[%.*s%*s] ", full, "####################", BAR_WIDTH - full,
             "");
}

static void write_counts(const ef_progress *progress, char *text, size_t room)
{
    if (progress->total == 0) {
        snprintf(text, room, "%zu", progress->done);
        return;
    }
    int used = snprintf(text, room, "%zu/%zu", progress->done, progress->total);
    if (progress->done > progress->before && progress->done < progress->total &&
        !progress->is_over) {
        double spent = ef_clock_s() - progress->start_s;
        double left = spent * (double)(progress->total - progress->done) /
                      (double)(progress->done - progress->before);
        char time[32];
        write_time(time, sizeof time, left);
        snprintf(text + used, room - (size_t)used, ", %s left", time);
    }
}

/* The terminal's line is cleared first and the cursor stays behind the text. */
static void draw(ef_progress *progress)
{
    char bar[BAR_WIDTH + 8], counts[96];
    write_bar(progress, bar, sizeof bar);
    write_counts(progress, counts, sizeof counts);
    fprintf(progress->stream, "%s%s: %s%s%s%s%s",
            progress->is_terminal ? "\r\033[K" : "", progress->what, bar, counts,
            *progress->text ? "; " : "", progress->text,
            progress->is_terminal ? "" : "\n");
    fflush(progress->stream);
    progress->shown_s = ef_clock_s();
    progress->shown_done = 1;
}

void ef_progress_start(ef_progress *progress, size_t done)
{
    if (progress) {
        progress->before = done;
    }
}

static int is_due(const ef_progress *progress, size_t tenth)
{
    double waited = ef_clock_s() - progress->shown_s;
    if (progress->is_terminal) {
        return waited >= redraw_s;
    }
    return tenth > progress->shown_tenth || waited >= quiet_s;
}

void ef_progress_show(ef_progress *progress, size_t done, const char *format, ...)
{
    if (!progress || !progress->stream) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(progress->text, sizeof progress->text, format, args);
    va_end(args);
    progress->done = done;
    progress->shown_done = 0;
    size_t total = progress->total;
    size_t tenth = total ? (size_t)(10 * ((double)done / (double)total)) : 0;
    if (is_due(progress, tenth)) {
        draw(progress);
        progress->shown_tenth = tenth;
    }
}

void ef_progress_destroy(ef_progress *progress)
{
    if (!progress) {
        return;
    }
    progress->is_over = 1;
    if (!progress->shown_done ||
        (progress->is_terminal && progress->done < progress->total)) {
        draw(progress);
    }
    if (progress->stream && progress->is_terminal && progress->text[0]) {
        fputc('\n', progress->stream);
    }
    ef_free(progress);
}
