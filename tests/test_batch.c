#include "net/batch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define N 3
#define CHANNELS 2
#define HEIGHT 3
#define WIDTH 4
#define IMAGE (CHANNELS * HEIGHT * WIDTH)

static unsigned char bytes[N * IMAGE];
static float values[N * IMAGE];
static uint16_t labels[N] = {4, 1, 7};
static ef_error err;

static char name[] = "made";

static ef_dataset make_set(int is_bytes)
{
    for (size_t i = 0; i < N * IMAGE; i++) {
        bytes[i] = (unsigned char)(1 + i * 37 % 255);
        values[i] = bytes[i];
    }
    ef_dataset set = {.name = name, .n = N, .channels = CHANNELS};
    set.height = HEIGHT;
    set.width = WIDTH;
    set.bytes = is_bytes ? bytes : NULL;
    set.values = is_bytes ? NULL : values;
    set.labels = labels;
    set.n_classes = 10;
    set.high = 255;
    return set;
}

static const ef_normalisation norm = {CHANNELS, {0.0123f, 1.5f}, {-0.4567f, 0.25f}};

/* The product rounded, then the sum: as ONNX's Mul and Add. */
static float normalised(float raw, size_t channel)
{
    volatile float product = raw * norm.scale[channel];
    return product + norm.shift[channel];
}

Test(batch_fill, inputs_are_raw_times_scale_plus_shift)
{
    static const size_t indices[] = {2, 0};
    for (int is_bytes = 0; is_bytes < 2; is_bytes++) {
        ef_dataset set = make_set(is_bytes);
        float inputs[2 * IMAGE];
        ef_batch_fill(&set, &norm, indices, 2, inputs);
        for (size_t i = 0; i < 2 * IMAGE; i++) {
            float raw = values[indices[i / IMAGE] * IMAGE + i % IMAGE];
            float expected = normalised(raw, i % IMAGE / (HEIGHT * WIDTH));
            cr_assert_eq(memcmp(&inputs[i], &expected, sizeof expected), 0);
        }
    }
}

Test(batch_fill, without_normalisation_inputs_are_raw)
{
    static const size_t indices[] = {1};
    ef_dataset set = make_set(1);
    float inputs[IMAGE];
    ef_batch_fill(&set, NULL, indices, 1, inputs);
    cr_assert_eq(memcmp(inputs, values + IMAGE, sizeof inputs), 0);
}

Test(batch_labels, labels_follow_the_indices)
{
    static const size_t indices[] = {2, 0, 2};
    ef_dataset set = make_set(1);
    uint16_t found[3];
    ef_batch_labels(&set, indices, 3, found);
    cr_assert(found[0] == 7 && found[1] == 4 && found[2] == 7);
}

/* The image moved by (dy, dx), mirrored first where flip is set: by the definition. */
static void move_naive(size_t index, int dy, int dx, int flip, float *inputs)
{
    for (int c = 0; c < CHANNELS; c++) {
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                int row = y + dy, column = (flip ? WIDTH - 1 - x : x) + dx;
                int inside = row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH;
                size_t at = index * IMAGE + (size_t)c * HEIGHT * WIDTH;
                float raw = inside ? values[at + (size_t)(row * WIDTH + column)] : 0;
                *inputs++ = normalised(raw, (size_t)c);
            }
        }
    }
}

/* The number of the only motion that gives inputs. */
static size_t find_motion(size_t index, int most, const float *inputs)
{
    size_t found = SIZE_MAX, number = 0;
    for (int dy = -most; dy <= most; dy++) {
        for (int dx = -most; dx <= most; dx++) {
            for (int flip = 0; flip < 2; flip++, number++) {
                float expected[IMAGE];
                move_naive(index, dy, dx, flip, expected);
                if (memcmp(inputs, expected, sizeof expected) == 0) {
                    cr_assert_eq(found, SIZE_MAX);
                    found = number;
                }
            }
        }
    }
    cr_assert_neq(found, SIZE_MAX);
    return found;
}

/* 2000 draws of 18 motions: each is missing with probability (17/18)^2000 < 1e-49. */
Test(batch_fill_augmented, images_move_in_every_way_and_no_other)
{
    size_t seen[18] = {0};
    ef_augment augment = {1, 1};
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < 2000; i++) {
        ef_dataset set = make_set(i % 2 == 0);
        size_t index = i % N;
        float inputs[IMAGE];
        ef_batch_fill_augmented(&rng, &set, &norm, &augment, &index, 1, inputs);
        seen[find_motion(index, 1, inputs)]++;
    }
    for (size_t i = 0; i < 18; i++) {
        cr_assert_gt(seen[i], 0);
    }
}

Test(batch_fill_augmented, a_shift_beyond_the_image_leaves_nothing_of_it)
{
    ef_augment augment = {1000000, 0};
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    ef_dataset set = make_set(1);
    size_t index = 0;
    float inputs[IMAGE];
    ef_batch_fill_augmented(&rng, &set, &norm, &augment, &index, 1, inputs);
    for (size_t i = 0; i < IMAGE; i++) {
        cr_assert_eq(inputs[i], norm.shift[i / (HEIGHT * WIDTH)]);
    }
}

Test(batch_fill_augmented, without_shift_and_flip_it_is_the_plain_batch)
{
    static const size_t indices[] = {0, 2};
    ef_augment augment = {0, 0};
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0), before = rng;
    ef_dataset set = make_set(1);
    float plain[2 * IMAGE], moved[2 * IMAGE];
    ef_batch_fill(&set, &norm, indices, 2, plain);
    ef_batch_fill_augmented(&rng, &set, &norm, &augment, indices, 2, moved);
    cr_assert_eq(memcmp(plain, moved, sizeof plain), 0);
    cr_assert(rng.state == before.state, "nothing was drawn");
}

Test(batch_fill_augmented, one_stream_gives_one_batch)
{
    static const size_t indices[] = {0, 1, 2};
    ef_augment augment = {2, 1};
    ef_dataset set = make_set(1);
    float first[N * IMAGE], second[N * IMAGE];
    ef_rng rng = ef_rng_stream(5, EF_PURPOSE_TEST, 1, 2, 3), same = rng;
    ef_batch_fill_augmented(&rng, &set, &norm, &augment, indices, N, first);
    ef_batch_fill_augmented(&same, &set, &norm, &augment, indices, N, second);
    cr_assert_eq(memcmp(first, second, sizeof first), 0);
}

/* --- normalisation ---------------------------------------------------------- */

/* 0, 2, 4, 6 have mean 3 and variance 5; 7, 7, 7, 7 have none. */
Test(normalisation_fit, mean_and_deviation_of_the_part_count)
{
    unsigned char raw[] = {0, 2, 7, 7, 99, 99, 99, 99, 4, 6, 7, 7};
    float same[12];
    for (size_t i = 0; i < 12; i++) {
        same[i] = raw[i];
    }
    static const size_t indices[] = {0, 2};
    ef_dataset set = {.n = 3, .channels = 2, .height = 1, .width = 2, .bytes = raw};
    for (int is_bytes = 1; is_bytes >= 0; is_bytes--) {
        ef_normalisation fitted;
        set.bytes = is_bytes ? raw : NULL;
        set.values = is_bytes ? NULL : same;
        ef_normalisation_fit(&fitted, &set, (ef_part){indices, 2});
        cr_assert_eq(fitted.channels, 2);
        cr_assert_eq(fitted.scale[0], (float)(1 / sqrt(5)));
        cr_assert_eq(fitted.shift[0], (float)(-3 / sqrt(5)));
        cr_assert_eq(fitted.scale[1], 1.0f);
        cr_assert_eq(fitted.shift[1], -7.0f);
    }
}

Test(normalisation_fit, inputs_of_the_part_have_mean_0_and_deviation_1)
{
    ef_dataset set = make_set(0);
    static const size_t indices[] = {0, 1, 2};
    float inputs[N * IMAGE];
    ef_normalisation fitted;
    ef_normalisation_fit(&fitted, &set, (ef_part){indices, N});
    ef_batch_fill(&set, &fitted, indices, N, inputs);
    for (size_t c = 0; c < CHANNELS; c++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < N * IMAGE; i++) {
            if (i % IMAGE / (HEIGHT * WIDTH) == c) {
                sum += inputs[i];
                squares += (double)inputs[i] * inputs[i];
            }
        }
        cr_assert_float_eq(sum, 0, 1e-5);
        cr_assert_float_eq(squares / (N * HEIGHT * WIDTH), 1, 1e-6);
    }
}

static ef_normalisation parsed;

static ef_status parse(const char *mean, const char *std, const char *range)
{
    ef_dataset set = make_set(1);
    ef_error_clear(&err);
    return ef_normalisation_parse(&parsed, &set, mean, std, range, &err);
}

/* torchvision: ToTensor divides by 255, Normalize(mean, std) follows. */
Test(normalisation_parse, means_and_deviations_are_in_units_of_the_range)
{
    cr_assert_eq(parse("0.5,0.25", "0.25", NULL), EF_OK, "%s", err.text);
    cr_assert_eq(parsed.channels, CHANNELS);
    cr_assert_float_eq(255 * parsed.scale[0] + parsed.shift[0], 2, 1e-6);
    cr_assert_float_eq(255 * parsed.scale[1] + parsed.shift[1], 3, 1e-6);
    cr_assert_eq(parsed.shift[0], -2);
    cr_assert_eq(parsed.shift[1], -1);
}

Test(normalisation_parse, a_range_maps_raw_values_linearly)
{
    cr_assert_eq(parse(NULL, NULL, "-1..1"), EF_OK, "%s", err.text);
    cr_assert_eq(parsed.shift[0], -1);
    cr_assert_float_eq(255 * parsed.scale[0] + parsed.shift[0], 1, 1e-6);
    cr_assert_eq(parse("104", "2", "raw"), EF_OK, "%s", err.text);
    cr_assert(parsed.scale[1] == 0.5f && parsed.shift[1] == -52);
}

Test(normalisation_parse, what_makes_no_sense_is_wrong_usage)
{
    static const struct {
        const char *name, *mean, *std, *range, *expected;
    } rows[] = {
        {"too many", "1,2,3", NULL, NULL,
         "--mean 1,2,3: more numbers than channels (2)"},
        {"no number", "x", NULL, NULL, "--mean x: expected a"},
        {"empty", "1,", NULL, NULL, "--mean 1,: expected a"},
        {"zero deviation", NULL, "0", NULL, "--std 0: expected numbers above 0"},
        {"negative", NULL, "1,-1", NULL, "--std 1,-1: expected numbers above 0"},
        {"tiny", NULL, "1e-300", NULL, "--std 1e-300: expected numbers above 0"},
        {"range", NULL, NULL, "1..0", "--range 1..0: expected a range such as 0..255"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(parse(rows[i].mean, rows[i].std, rows[i].range), EF_ERR_USAGE,
                     "%s", rows[i].name);
        cr_assert(strstr(err.text, rows[i].expected), "%s: %s", rows[i].name, err.text);
    }
}

Test(normalisation_parse, three_channels_take_one_or_three_numbers)
{
    ef_dataset set = make_set(1);
    set.channels = 3;
    ef_error_clear(&err);
    cr_assert_eq(ef_normalisation_parse(&parsed, &set, "1,2", NULL, NULL, &err),
                 EF_ERR_USAGE);
    cr_assert(strstr(err.text, "--mean 1,2: 2 numbers for 3 channels"), "%s", err.text);
}

Test(normalisation_parse, a_set_of_one_value_has_no_range_to_map)
{
    ef_dataset set = make_set(1);
    set.low = set.high = 3;
    ef_error_clear(&err);
    cr_assert_eq(ef_normalisation_parse(&parsed, &set, NULL, NULL, NULL, &err),
                 EF_ERR_USAGE);
    cr_assert(strstr(err.text, "all raw values of made are 3"), "%s", err.text);
    ef_error_clear(&err);
    cr_assert_eq(ef_normalisation_parse(&parsed, &set, NULL, NULL, "raw", &err), EF_OK);
}
