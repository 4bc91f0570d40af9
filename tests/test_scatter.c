/* A scatter's data and script, and its picture where gnuplot is. */
#include "report/scatter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "scratch.h"

TestSuite(scatter, .init = scratch_make, .fini = scratch_remove);

static const double x[] = {1e-3, 0, 1e-1}, y[] = {2e-3, 1e-2, 3e-1};
static const double low[] = {1e-3, 5e-3, 2e-1}, high[] = {3e-3, 2e-2, 4e-1};

static ef_status draw(const char *path, ef_error *err)
{
    const ef_scatter_panel panels[] = {{"first", 3, x, y, low, high},
                                       {"none left", 1, &x[1], &y[1], low, high}};
    const ef_scatter scatter = {.title = "a title",
                                .x_label = "predicted",
                                .y_label = "measured",
                                .panels = panels,
                                .n_panels = 2,
                                .n_columns = 2};
    return ef_scatter_draw(&scatter, path, err);
}

static char *read(const char *name)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_error err = {0};
    cr_assert_eq(ef_file_read(scratch_path(name), 1 << 22, &bytes, &size, &err), EF_OK,
                 "%s", err.text);
    return (char *)bytes;
}

/* Without gnuplot script and data are there all the same. */
Test(scatter, every_point_is_in_the_data)
{
    ef_error err = {0};
    ef_status status = draw(scratch_path("p.svg"), &err);
    cr_assert(status == EF_OK || status == EF_ERR_UNSUPPORTED, "%s", err.text);
    char *data = read("p.dat"), *script = read("p.gp");
    size_t rows = 0;
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
        double values[4];
        rows += sscanf(line, "%lf %lf %lf %lf", &values[0], &values[1], &values[2],
                       &values[3]) == 4;
    }
    cr_expect_eq(rows, 4);
    cr_expect(strstr(script, "first") && strstr(script, "none left"));
    cr_expect(strstr(script, "predicted") && strstr(script, "measured"));
    cr_expect_null(strstr(script, "/"), "the folder can be moved:\n%s", script);
    ef_free(data);
    ef_free(script);
    if (!status) {
        char *svg = read("p.svg");
        cr_expect_not_null(strstr(svg, "<svg"));
        cr_expect_not_null(strstr(svg, "a title"));
        ef_free(svg);
    }
}

Test(scatter, a_picture_is_an_svg)
{
    ef_error err = {0};
    cr_expect_eq(draw(scratch_path("p.png"), &err), EF_ERR_USAGE);
    cr_expect_not(ef_file_exists(scratch_path("p.dat")));
}

Test(scatter, a_folder_that_is_not_there_is_an_error)
{
    ef_error err = {0};
    cr_expect_eq(draw(scratch_path("nowhere/p.svg"), &err), EF_ERR_IO);
}
