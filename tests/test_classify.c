/* Classes of a data set: the same on every number of threads, as the definition has
 * them. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/classify.h"
#include "faultsim/forward.h"
#include "random_net.h"

#define N 1000 /* images: more batches than threads, and a part of one */

/* A network with several classes, and random images of its shape; every third is in
 * the part, from the last to the first. */
typedef struct world {
    ef_net *net;
    ef_dataset set;
    size_t indices[N];
    ef_part part;
    uint16_t labels[N];
    ef_normalisation normalisation;
} world;

static world *make_world(void)
{
    static char made[] = "made";
    world *w = ef_calloc(1, sizeof *w);
    cr_assert_not_null(w);
    uint64_t seed = 0;
    for (; w->net == NULL; seed++) {
        w->net = random_net(seed, 8, 0);
        if (random_net_outputs(w->net) < 4) {
            ef_net_destroy(w->net);
            w->net = NULL;
        }
    }
    ef_shape in =
        ef_topology_shape(w->net->topology, ef_topology_input(w->net->topology));
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 3, 0, 0);
    w->set = (ef_dataset){.name = made,
                          .n = N,
                          .channels = in.channels,
                          .height = in.height,
                          .width = in.width,
                          .labels = w->labels,
                          .n_classes = 4,
                          .low = 0,
                          .high = 255};
    w->set.bytes = ef_calloc(N, ef_shape_elements(in));
    cr_assert_not_null(w->set.bytes);
    for (size_t i = 0; i < N * ef_shape_elements(in); i++) {
        w->set.bytes[i] = (unsigned char)ef_rng_below(&rng, 256);
    }
    for (size_t i = 0; i < N; i++) {
        w->labels[i] = (uint16_t)ef_rng_below(&rng, 4);
    }
    for (size_t i = 0; i < N / 3; i++) {
        w->indices[i] = N - 1 - 3 * i;
    }
    w->part = (ef_part){w->indices, N / 3};
    w->normalisation.channels = in.channels;
    for (size_t c = 0; c < in.channels; c++) {
        w->normalisation.scale[c] = 1.0f / 64;
        w->normalisation.shift[c] = -2.0f;
    }
    return w;
}

static void free_world(world *w)
{
    ef_free(w->set.bytes);
    ef_net_destroy(w->net);
    ef_free(w);
}

/* -log softmax(logits)[label], by libm. */
static double expected_loss(const float *logits, size_t n, size_t label)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)logits[i] - (double)logits[label]);
    }
    return log(sum);
}

static size_t expected_errors(const world *w, uint16_t *classes, double *losses)
{
    ef_error err = {0};
    size_t n = w->part.n, n_out = random_net_outputs(w->net), wrong = 0;
    float *images = ef_calloc(n, random_net_inputs(w->net) * sizeof *images);
    float *logits = ef_calloc(n, n_out * sizeof *logits);
    cr_assert(images && logits);
    ef_batch_fill(&w->set, &w->normalisation, w->indices, n, images);
    cr_assert_eq(ef_forward_naive(w->net, images, n, logits, &err), EF_OK);
    for (size_t i = 0; i < n; i++) {
        classes[i] = (uint16_t)ef_forward_argmax(logits + i * n_out, n_out);
        wrong += classes[i] != w->labels[w->indices[i]];
        losses[i] = expected_loss(logits + i * n_out, n_out, w->labels[w->indices[i]]);
    }
    ef_free(images);
    ef_free(logits);
    return wrong;
}

Test(classify, is_the_same_on_every_number_of_threads)
{
    static const size_t threads[] = {1, 2, 7, 0};
    world *w = make_world();
    uint16_t expected[N], predicted[N];
    double expected_losses[N], losses[N], first[N];
    size_t errors = expected_errors(w, expected, expected_losses);
    for (size_t i = 0; i < 4; i++) {
        ef_error err = {0};
        ef_classify_options options = {&w->normalisation, threads[i]};
        ef_classified found = {predicted, losses, SIZE_MAX};
        memset(predicted, 0xff, sizeof predicted);
        memset(losses, 0xff, sizeof losses);
        cr_assert_eq(ef_classify(w->net, &w->set, w->part, &options, &found, &err),
                     EF_OK, "%s", err.text);
        cr_expect_eq(found.n_errors, errors);
        cr_expect_eq(memcmp(predicted, expected, w->part.n * sizeof *expected), 0);
        for (size_t k = 0; k < w->part.n; k++) {
            cr_expect_float_eq(losses[k], expected_losses[k],
                               1e-12 * (1 + expected_losses[k]));
        }
        if (i == 0) {
            memcpy(first, losses, sizeof first);
        }
        cr_expect_eq(memcmp(losses, first, w->part.n * sizeof *losses), 0);
    }
    free_world(w);
}

Test(classify, counts_nothing_in_an_empty_part)
{
    world *w = make_world();
    ef_error err = {0};
    ef_classify_options options = {NULL, 0};
    ef_classified found = {NULL, NULL, SIZE_MAX};
    cr_assert_eq(
        ef_classify(w->net, &w->set, (ef_part){w->indices, 0}, &options, &found, &err),
        EF_OK);
    cr_expect_eq(found.n_errors, 0);
    free_world(w);
}

Test(classify, refuses_images_of_another_shape)
{
    world *w = make_world();
    ef_error err = {0};
    ef_classify_options options = {&w->normalisation, 1};
    ef_classified found = {NULL, NULL, 17};
    w->set.height++;
    cr_assert_eq(ef_classify(w->net, &w->set, w->part, &options, &found, &err),
                 EF_ERR_INPUT);
    cr_expect_eq(found.n_errors, 17);
    cr_expect(strstr(err.text, "made has images of"));
    free_world(w);
}

Test(classify, a_loss_needs_an_output_for_each_class)
{
    world *w = make_world();
    ef_error err = {0};
    ef_classify_options options = {&w->normalisation, 1};
    double losses[N];
    ef_classified found = {NULL, losses, 17};
    w->set.n_classes = random_net_outputs(w->net) + 1;
    cr_assert_eq(ef_classify(w->net, &w->set, w->part, &options, &found, &err),
                 EF_ERR_INPUT);
    cr_expect(strstr(err.text, "classes of made"));
    found.losses = NULL;
    cr_assert_eq(ef_classify(w->net, &w->set, w->part, &options, &found, &err), EF_OK);
    free_world(w);
}

Test(classify, says_so_when_memory_is_short)
{
    world *w = make_world();
    ef_classify_options options = {&w->normalisation, 1};
    ef_classified found = {NULL, NULL, 17};
    for (long n = 0; n < 4000; n++) {
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status =
            ef_classify(w->net, &w->set, w->part, &options, &found, &err);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            cr_expect_gt(n, 5);
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY);
        cr_assert_eq(found.n_errors, 17);
    }
    free_world(w);
}
