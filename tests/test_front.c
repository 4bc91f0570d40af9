/* The front of a run: who is on it, in which order, and how it is written down. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"
#include "study/front.h"
#include "study/search_config.h"

static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof path, "test_front.%ld.evo", (long)getpid());
    remove(path);
}

static void remove_path(void)
{
    remove(path);
}

#define FRONT_TEST(suite, name)                                                        \
    Test(suite, name, .init = make_path, .fini = remove_path)

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

static ef_store *create(int maximised)
{
    ef_error err = {0};
    ef_store *store = NULL;
    must(ef_store_create(&store, path, 0, &err), &err);
    must(ef_store_add_objective(store, "error", "share", 0, &err), &err);
    must(ef_store_add_objective(store, "size", "bit", maximised, &err), &err);
    return store;
}

typedef struct row {
    uint64_t id;
    ef_record_status status;
    double error, size, violation, loss;
} row;

static void put(ef_store *store, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double objectives[2] = {rows[i].error, rows[i].size};
        ef_record record = {.id = rows[i].id,
                            .generation = 1,
                            .parent_a = 7,
                            .operator_name = "widen",
                            .hash = rows[i].id,
                            .status = rows[i].status,
                            .violation = rows[i].violation,
                            .objectives = objectives,
                            .error = rows[i].error,
                            .test_error = 0.5,
                            .loss = rows[i].loss,
                            .topology = "",
                            .message = ""};
        ef_error err = {0};
        must(ef_store_put_record(store, &record, &err), &err);
    }
}

/* Ids of the front, in order, as "3 1 2 ". */
static void name_members(const ef_front *front, char *text)
{
    text[0] = '\0';
    for (size_t i = 0; i < front->n_front; i++) {
        sprintf(text + strlen(text), "%d ", (int)front->rows[front->order[i]].id);
    }
}

static const row mixed[] = {
    {1, EF_RECORD_TRAINED, 0.25, 100, 0, 1.0},  /* on the front */
    {2, EF_RECORD_TRAINED, 0.25, 200, 0, 0.1},  /* beaten by 1 */
    {3, EF_RECORD_TRAINED, 0.125, 300, 0, 1.0}, /* on the front */
    {4, EF_RECORD_SCORED, NAN, 1, 0, NAN},      /* not trained */
    {5, EF_RECORD_FAILED, NAN, 1, 0, NAN},      /* failed */
    {6, EF_RECORD_TRAINED, 0.0, 1, 0.5, 1.0},   /* breaks a limit */
    {7, EF_RECORD_TRAINED, 0.125, 300, 0, 0.5}, /* equal to 3: both stay */
    {8, EF_RECORD_PENDING, 0.0, 1, 0, 1.0},     /* of no complete generation */
};

#define N_MIXED (sizeof mixed / sizeof *mixed)

FRONT_TEST(front_load, holds_what_is_trained_feasible_and_not_dominated)
{
    ef_store *store = create(0);
    put(store, mixed, N_MIXED);
    ef_front front;
    ef_error err = {0};
    must(ef_front_load(&front, store, &err), &err);
    char members[64];
    name_members(&front, members);
    cr_expect_str_eq(members, "3 7 1 ");
    cr_expect_eq(front.n, N_MIXED - 1, "what is pending is not there yet");
    ef_front_clear(&front);
    ef_store_close(store);
}

FRONT_TEST(front_load, follows_the_direction_of_an_objective)
{
    ef_store *store = create(1);
    put(store, mixed, 3);
    ef_front front;
    ef_error err = {0};
    must(ef_front_load(&front, store, &err), &err);
    char members[64];
    name_members(&front, members);
    cr_expect_str_eq(members, "3 ");
    ef_front_clear(&front);
    ef_store_close(store);
}

FRONT_TEST(front_load, an_empty_run_has_an_empty_front)
{
    ef_store *store = create(0);
    ef_front front;
    ef_error err = {0};
    must(ef_front_load(&front, store, &err), &err);
    cr_expect_eq(front.n_front, 0);
    cr_expect_eq(front.knee, front.n);
    cr_expect_eq(ef_front_best(&front), front.n);
    ef_front_clear(&front);
    ef_store_close(store);
}

FRONT_TEST(front_best, takes_the_surest_of_equal_errors)
{
    ef_store *store = create(0);
    put(store, mixed, N_MIXED);
    ef_front front;
    ef_error err = {0};
    must(ef_front_load(&front, store, &err), &err);
    cr_expect_eq(front.rows[ef_front_best(&front)].id, 7);
    ef_front_clear(&front);
    ef_store_close(store);
}

FRONT_TEST(front_csv, has_a_row_for_each_member_and_leaves_unknown_cells_empty)
{
    ef_store *store = create(0);
    put(store, mixed, 5);
    ef_front front;
    ef_error err = {0};
    must(ef_front_load(&front, store, &err), &err);
    ef_text text;
    ef_text_init(&text);
    ef_front_write_csv(&front, store, 0, &text);
    char expected[512];
    snprintf(expected, sizeof expected,
             "id,generation,parent_a,parent_b,operator,status,error,size,violation,"
             "test_error,loss,front,knee,hash\n"
             "3,1,7,,widen,trained,0.125,300,0,0.5,1,1,%d,0000000000000003\n"
             "1,1,7,,widen,trained,0.25,100,0,0.5,1,1,%d,0000000000000001\n",
             front.rows[front.knee].id == 3, front.rows[front.knee].id == 1);
    cr_expect_str_eq(text.bytes, expected);
    ef_text_clear(&text);
    ef_front_write_csv(&front, store, 1, &text);
    cr_expect(strstr(text.bytes, "\n4,1,7,,widen,scored,,1,0,0.5,,0,0,"));
    cr_expect(strstr(text.bytes, "\n5,1,7,,widen,failed,,1,0,0.5,,0,0,"));
    ef_text_clear(&text);
    ef_front_clear(&front);
    ef_store_close(store);
}

FRONT_TEST(front_print, shows_the_ends_and_says_how_many_are_left_out)
{
    ef_store *store = create(0);
    for (uint64_t id = 1; id <= 50; id++) {
        row one = {id, EF_RECORD_TRAINED, 0.01 * (double)id, 1e6 / (double)id, 0, 1};
        put(store, &one, 1);
    }
    ef_front front;
    ef_error err = {0};
    must(ef_front_load(&front, store, &err), &err);
    cr_assert_eq(front.n_front, 50);
    ef_text text;
    ef_text_init(&text);
    ef_front_print(&front, store, 5, &text);
    cr_expect(strstr(text.bytes, "     1      1.00 %          1M     50.00 %  widen\n"),
              "%s", text.bytes);
    cr_expect(strstr(text.bytes, "    50     50.00 %         20k     50.00 %  widen\n"),
              "%s", text.bytes);
    cr_expect(strstr(text.bytes, " of 50 members shown; * is the knee.\n"));
    ef_text_clear(&text);
    ef_front_clear(&front);
    ef_store_close(store);
}

FRONT_TEST(front_load, every_failing_allocation_is_reported)
{
    ef_store *store = create(0);
    put(store, mixed, N_MIXED);
    int n_failed = 0;
    for (long n = 0;; n++) {
        ef_front front = {0};
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_front_load(&front, store, &err);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            ef_front_clear(&front);
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld: %s", n, err.text);
        n_failed++;
    }
    cr_expect_gt(n_failed, 3);
    ef_store_close(store);
}

FRONT_TEST(search_config, comes_back_from_a_run_file)
{
    ef_error err = {0};
    ef_store *store = create(0);
    ef_search_config config, loaded;
    ef_search_config_init(&config);
    config.seed = UINT64_MAX;
    config.population = 17;
    must(ef_search_config_set_text(&config.data, "digits", &err), &err);
    must(ef_search_config_set_text(&config.limits, "params<=5k\nmacs<=1M", &err), &err);
    must(ef_search_config_store(&config, store, &err), &err);
    must(ef_search_config_load(&loaded, store, &err), &err);
    cr_expect_eq(loaded.seed, UINT64_MAX);
    cr_expect_eq(loaded.population, 17);
    cr_expect_str_eq(loaded.data, "digits");
    cr_expect_str_eq(loaded.limits, "params<=5k\nmacs<=1M");
    cr_expect_null(loaded.mean);
    ef_search_config_clear(&loaded);

    must(ef_store_set(store, "population", "3x", &err), &err);
    cr_expect_eq(ef_search_config_load(&loaded, store, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "population") && strstr(err.text, "'3x'"), "%s",
              err.text);
    ef_search_config_clear(&config);
    ef_store_close(store);
}
