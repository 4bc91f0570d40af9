/* Models that the command line names: whether they fit the data. */
#include <criterion/criterion.h>
#include <string.h>

#include "cmd/model.h"
#include "topology_help.h"

static const char plain[] = "name: plain\n"
                            "input: [2, 3, 3]\n"
                            "nodes:\n"
                            "  - {conv: 4, kernel: 3, name: c1}\n"
                            "  - {relu, name: r1}\n"
                            "  - {flatten, name: f}\n"
                            "  - {dense: 2, name: d}\n";

Test(model_check_data, images_must_have_the_shape_of_the_input_or_be_a_row_of_it)
{
    static char name[] = "made";
    static const struct {
        const char *name;
        size_t channels, height, width, n_classes;
        const char *words; /* NULL: fits */
    } rows[] = {
        {"as the input", 2, 3, 3, 2, NULL},
        {"another height", 2, 9, 1, 2,
         "net: the input is 2x3x3, the images of made are 2x9x1"},
        {"another class", 2, 3, 3, 3,
         "net: the output 'd' has 2 units, made has 3 classes"},
    };
    ef_topology *topology = parse_topology(plain);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_error err = {0};
        ef_dataset set = {.name = name,
                          .channels = rows[i].channels,
                          .height = rows[i].height,
                          .width = rows[i].width,
                          .n_classes = rows[i].n_classes};
        ef_status status = ef_model_check_data(topology, &set, "net", &err);
        cr_expect_eq(status, rows[i].words ? EF_ERR_INPUT : EF_OK, "%s", rows[i].name);
        cr_expect_str_eq(err.text, rows[i].words ? rows[i].words : "");
    }
    ef_topology_destroy(topology);
    topology =
        parse_topology("name: row\ninput: [18]\nnodes:\n  - {dense: 2, name: d}\n");
    ef_dataset set = {
        .name = name, .channels = 2, .height = 3, .width = 3, .n_classes = 2};
    ef_error err = {0};
    cr_expect_eq(ef_model_check_data(topology, &set, "net", &err), EF_OK);
    ef_topology_destroy(topology);
}
