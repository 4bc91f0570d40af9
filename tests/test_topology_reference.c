/* The reference topologies of data/topologies against the numbers of their papers. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/net.h"
#include "net/topology_yaml.h"

typedef struct row {
    char name[24]; /* not a pointer: Criterion copies rows between processes */
    uint64_t params;
    uint64_t macs;
    uint64_t weights; /* of conv and dense, without biases; 0: not published */
} row;

/* Where the numbers come from:
 * mlp, cnn-digits: sums of (in + 1) out and the like, by hand.
 * lenet5: 61,706 is the count of every tutorial; 416,520 = 784*150 + 100*2400 + 48000
 *   + 10080 + 840.
 * resnet8: 78,666 parameters in the benchmark's Keras summary less 480 running
 *   statistics; 12.5 MMACs.
 * resnet20: 0.27 M in table 6 of the paper; 268,336 weights and 40.55 MMACs of the
 *   trained model that the injector is measured with.
 * mobilenetv2: torchvision's 3,504,872 with 1000 classes less 1281 * 990; 87.98 M
 *   multiply-adds in the README of chenyaofo/pytorch-cifar-models.
 * nasnet-a: 3.3 M in table 1 of the paper.
 * dilatedvgg: Keras' 14,714,688 of VGG16 without its top, and 513 * 10.
 * The scaled ones, and what the papers do not give: scripts/make-topologies, which
 *   counts by closed forms. */
static row rows[] = {
    {"mlp", 64 * 65 + 32 * 65 + 10 * 33, 64 * 64 + 32 * 64 + 10 * 32, 6464},
    {"cnn-digits", 144 + 32 + 4608 + 64 + 1290, 9216 + 73728 + 1280, 6032},
    {"lenet5", 61706, 416520, 61470},
    {"resnet8", 78666 - 480, 12501632, 77360},
    {"resnet8-digits", 78666 - 480 - 288, 763520, 77072},
    {"resnet20", 268336 + 10 + 2 * 688, 40551040, 268336},
    {"mobilenetv2", 3504872 - 1281 * 990, 87976448, 0},
    {"mobilenetv2-5m", 408938, 4747968, 0},
    {"nasnet-a", 3346538, 544333312, 0},
    {"nasnet-a-5m", 72370, 3393408, 0},
    {"dilatedvgg", 14714688 + 5130, 398136320, 14710464 + 5120},
};

static ef_topology *load(const char *name, char **text)
{
    char path[4096];
    ef_error err = {0};
    ef_topology *topology;
    snprintf(path, sizeof path, "%s/data/topologies/%s.yaml", getenv("EF_SRCDIR"),
             name);
    ef_status status = ef_topology_load(&topology, path, &err);
    cr_assert_eq(status, EF_OK, "%s", err.text);
    if (text) {
        size_t size;
        unsigned char *bytes;
        status = ef_file_read(path, 1 << 20, &bytes, &size, &err);
        cr_assert_eq(status, EF_OK, "%s", err.text);
        *text = (char *)bytes;
    }
    return topology;
}

ParameterizedTestParameters(topology_reference, has_the_published_costs)
{
    return cr_make_param_array(row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(row *r, topology_reference, has_the_published_costs)
{
    ef_topology *topology = load(r->name, NULL);
    cr_expect_eq(ef_topology_params(topology), r->params, "%s: %llu parameters",
                 r->name, (unsigned long long)ef_topology_params(topology));
    cr_expect_eq(ef_topology_macs(topology), r->macs, "%s: %llu MACs", r->name,
                 (unsigned long long)ef_topology_macs(topology));
    ef_topology_destroy(topology);
}

ParameterizedTestParameters(topology_reference, has_the_published_weights)
{
    return cr_make_param_array(row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(row *r, topology_reference, has_the_published_weights)
{
    ef_topology *topology = load(r->name, NULL);
    ef_net *net;
    cr_assert_eq(ef_net_create(&net, topology, NULL), EF_OK);
    uint64_t weights = 0, trained = 0;
    for (size_t i = 0; i < net->n_params; i++) {
        const ef_param *param = &net->params[i];
        weights += param->role == EF_ROLE_WEIGHT ? param->count : 0;
        trained += ef_role_is_trained((ef_role)param->role) ? param->count : 0;
    }
    cr_expect(r->weights == 0 || weights == r->weights, "%s: %llu weights", r->name,
              (unsigned long long)weights);
    cr_expect_eq(trained, r->params);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

/* 12,345 as the comments write it. */
static void write_count(char *text, uint64_t count)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            *text++ = ',';
        }
        *text++ = digits[i];
    }
    *text = '\0';
}

ParameterizedTestParameters(topology_reference, says_its_costs_in_its_head)
{
    return cr_make_param_array(row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(row *r, topology_reference, says_its_costs_in_its_head)
{
    char *text;
    ef_topology *topology = load(r->name, &text);
    char params[32], macs[32], line[96];
    write_count(params, ef_topology_params(topology));
    write_count(macs, ef_topology_macs(topology));
    snprintf(line, sizeof line, "# %s parameters, %s MACs.\n", params, macs);
    cr_expect(strstr(text, line), "%s lacks \"%s\"", r->name, line);
    ef_free(text);
    ef_topology_destroy(topology);
}

Test(topology_reference, the_scaled_ones_stay_within_five_million_macs)
{
    static const char *const names[] = {"mobilenetv2-5m", "nasnet-a-5m"};
    for (size_t i = 0; i < 2; i++) {
        ef_topology *topology = load(names[i], NULL);
        cr_expect_leq(ef_topology_macs(topology), 5000000);
        ef_topology_destroy(topology);
    }
}

Test(topology_reference, every_file_of_the_folder_is_in_the_table)
{
    char command[4096];
    snprintf(command, sizeof command, "ls '%s'/data/topologies/*.yaml | wc -l",
             getenv("EF_SRCDIR"));
    FILE *pipe = popen(command, "r");
    size_t n = 0;
    cr_assert_eq(fscanf(pipe, "%zu", &n), 1);
    pclose(pipe);
    cr_expect_eq(n, sizeof rows / sizeof rows[0]);
}
