/* Run files: what is committed is there, what is not is gone, and nothing else. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"

static char path[64];

/* A name of its own for every test: Criterion runs each in its own process. */
static void make_path(void)
{
    snprintf(path, sizeof path, "test_store.%ld.evo", (long)getpid());
    remove(path);
}

static void remove_path(void)
{
    remove(path);
}

#define STORE_TEST(suite, name)                                                        \
    Test(suite, name, .init = make_path, .fini = remove_path)

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

static ef_store *create(void)
{
    ef_error err = {0};
    ef_store *store = NULL;
    must(ef_store_create(&store, path, 0, &err), &err);
    must(ef_store_begin(store, &err), &err);
    must(ef_store_add_objective(store, "error", "share", 0, &err), &err);
    must(ef_store_add_objective(store, "size", "bit", 0, &err), &err);
    must(ef_store_commit(store, &err), &err);
    return store;
}

static ef_record example(uint64_t id, const double *objectives)
{
    return (ef_record){.id = id,
                       .generation = 3,
                       .parent_a = id > 1 ? id - 1 : 0,
                       .operator_name = "widen",
                       .hash = UINT64_C(0xfedcba9876543210),
                       .status = EF_RECORD_TRAINED,
                       .objectives = objectives,
                       .test_error = 0.1,
                       .loss = NAN,
                       .topology = "name: \"x\"\n",
                       .message = ""};
}

static void put(ef_store *store, uint64_t id, double first)
{
    double objectives[2] = {first, NAN};
    ef_record record = example(id, objectives);
    ef_error err = {0};
    must(ef_store_put_record(store, &record, &err), &err);
}

typedef struct seen {
    size_t n;
    ef_record last;
    double values[2];
} seen;

static ef_status see(void *context, const ef_record *record, ef_error *err)
{
    (void)err;
    seen *s = context;
    s->n++;
    s->last = *record;
    s->values[0] = record->objectives[0];
    s->values[1] = record->objectives[1];
    cr_expect_str_eq(record->operator_name, "widen");
    cr_expect_str_eq(record->topology, "name: \"x\"\n");
    return EF_OK;
}

static size_t count_records(void)
{
    ef_error err = {0};
    ef_store *store = NULL;
    must(ef_store_open(&store, path, 0, &err), &err);
    seen s = {0};
    must(ef_store_each_record(store, see, &s, &err), &err);
    ef_store_close(store);
    return s.n;
}

STORE_TEST(store_records, come_back_as_they_were_put)
{
    ef_error err = {0};
    ef_store *store = create();
    must(ef_store_begin(store, &err), &err);
    put(store, 1, 0.1);
    put(store, 2, 1.0 / 3.0);
    must(ef_store_commit(store, &err), &err);
    ef_store_close(store);

    must(ef_store_open(&store, path, 0, &err), &err);
    cr_expect_eq(ef_store_n_objectives(store), 2);
    cr_expect_str_eq(ef_store_objective_name(store, 1), "size");
    cr_expect_str_eq(ef_store_objective_unit(store, 1), "bit");
    seen s = {0};
    must(ef_store_get_record(store, 2, see, &s, &err), &err);
    cr_expect_eq(s.last.parent_a, 1);
    cr_expect_eq(s.last.parent_b, 0);
    cr_expect_eq(s.last.generation, 3);
    cr_expect_eq(s.last.hash, UINT64_C(0xfedcba9876543210));
    cr_expect_eq(s.last.status, EF_RECORD_TRAINED);
    cr_expect_eq(s.values[0], 1.0 / 3.0);
    cr_expect(isnan(s.values[1]) && isnan(s.last.loss));
    cr_expect_eq(s.last.test_error, 0.1);
    ef_store_close(store);
}

STORE_TEST(store_records, an_id_that_is_not_there_is_a_usage_error)
{
    ef_store *store = create();
    ef_error err = {0};
    seen s = {0};
    cr_expect_eq(ef_store_get_record(store, 7, see, &s, &err), EF_ERR_USAGE);
    cr_expect(strstr(err.text, "individual 7"));
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_error_clear(&err);
    cr_expect_eq(ef_store_get_model(store, 7, &bytes, &size, &err), EF_ERR_USAGE);
    cr_expect_null(bytes);
    ef_store_close(store);
}

static ef_status stop_at_second(void *context, const ef_record *record, ef_error *err)
{
    (void)err;
    ++*(size_t *)context;
    return record->id == 2 ? EF_STOPPED : EF_OK;
}

STORE_TEST(store_records, a_visitor_ends_the_walk)
{
    ef_store *store = create();
    for (uint64_t id = 1; id <= 3; id++) {
        put(store, id, 0.5);
    }
    size_t n = 0;
    ef_error err = {0};
    cr_expect_eq(ef_store_each_record(store, stop_at_second, &n, &err), EF_STOPPED);
    cr_expect_eq(n, 2);
    ef_store_close(store);
}

STORE_TEST(store_records, of_one_status_are_dropped_with_their_models)
{
    ef_error err = {0};
    ef_store *store = create();
    put(store, 1, 0.5);
    double objectives[2] = {1, 2};
    ef_record pending = example(2, objectives);
    pending.status = EF_RECORD_PENDING;
    must(ef_store_put_record(store, &pending, &err), &err);
    must(ef_store_put_model(store, 1, "a", 1, &err), &err);
    must(ef_store_put_model(store, 2, "b", 1, &err), &err);
    must(ef_store_drop_records(store, EF_RECORD_PENDING, &err), &err);
    ef_store_close(store);
    cr_expect_eq(count_records(), 1);
    must(ef_store_open(&store, path, 0, &err), &err);
    cr_expect(ef_store_has_model(store, 1));
    cr_expect_not(ef_store_has_model(store, 2));
    ef_store_close(store);
}

STORE_TEST(store_commit, what_is_not_committed_is_gone)
{
    ef_error err = {0};
    ef_store *store = create();
    must(ef_store_begin(store, &err), &err);
    put(store, 1, 0.5);
    must(ef_store_commit(store, &err), &err);
    must(ef_store_begin(store, &err), &err);
    put(store, 2, 0.5);
    ef_store_close(store);
    cr_expect_eq(count_records(), 1);
}

/* Killed in the middle of a transaction whose pages have already reached the file
 * (a cache of one page forces them out). */
STORE_TEST(store_commit, survives_a_kill_in_the_next_transaction)
{
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        ef_error err = {0};
        ef_store *store = create();
        if (ef_store_begin(store, &err)) {
            _exit(1);
        }
        put(store, 1, 0.5);
        if (ef_store_commit(store, &err) || ef_store_begin(store, &err)) {
            _exit(1);
        }
        char *big = calloc(1 << 22, 1);
        for (uint64_t id = 2; id < 10; id++) {
            put(store, id, 0.5);
            if (ef_store_put_model(store, id, big, 1 << 22, &err)) {
                _exit(1);
            }
        }
        raise(SIGKILL);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_expect_eq(count_records(), 1);
}

STORE_TEST(store_create, refuses_an_existing_file_and_leaves_it_alone)
{
    ef_store *store = create();
    put(store, 1, 0.5);
    ef_store_close(store);
    ef_error err = {0};
    store = NULL;
    cr_expect_eq(ef_store_create(&store, path, 0, &err), EF_ERR_EXISTS);
    cr_expect_null(store);
    cr_expect(strstr(err.text, "--resume"));
    cr_expect_eq(count_records(), 1);
}

STORE_TEST(store_create, by_force_replaces_only_at_the_first_commit)
{
    ef_error err = {0};
    ef_store *store = create();
    put(store, 1, 0.5);
    ef_store_close(store);
    must(ef_store_create(&store, path, 1, &err), &err);
    ef_store_close(store);
    cr_expect_eq(count_records(), 1);
    must(ef_store_create(&store, path, 1, &err), &err);
    must(ef_store_begin(store, &err), &err);
    must(ef_store_set(store, "seed", "1", &err), &err);
    must(ef_store_commit(store, &err), &err);
    ef_store_close(store);
    cr_expect_eq(count_records(), 0);
}

STORE_TEST(store_create, a_folder_that_is_not_there_is_an_io_error)
{
    ef_error err = {0};
    ef_store *store = NULL;
    cr_expect_eq(ef_store_create(&store, "no/such/folder/run.evo", 0, &err), EF_ERR_IO);
    cr_expect_null(store);
    cr_expect(strstr(err.text, "no/such/folder/run.evo"));
}

STORE_TEST(store_open, refuses_what_is_no_run_file)
{
    ef_error err = {0};
    ef_store *store = NULL;
    cr_expect_eq(ef_store_open(&store, path, 0, &err), EF_ERR_IO);
    ef_error_clear(&err);
    must(ef_file_write(path, 0, "no database, but long enough to be read", 39, &err),
         &err);
    cr_expect_eq(ef_store_open(&store, path, 0, &err), EF_ERR_INPUT);
    cr_expect_null(store);
    cr_expect(strstr(err.text, path));
    ef_error_clear(&err);
    must(ef_file_write(path, 1, "", 0, &err), &err);
    cr_expect_eq(ef_store_open(&store, path, 0, &err), EF_ERR_INPUT);
}

STORE_TEST(store_population, and_generations_come_back)
{
    ef_error err = {0};
    ef_store *store = create();
    ef_generation generation = {0};
    int found = 1;
    must(ef_store_last_generation(store, &generation, &found, &err), &err);
    cr_expect_not(found);
    uint64_t ids[] = {5, 3, 9};
    must(ef_store_set_population(store, (uint64_t[]){1, 2}, 2, &err), &err);
    must(ef_store_set_population(store, ids, 3, &err), &err);
    for (uint64_t g = 0; g < 3; g++) {
        ef_generation row = {g, 10 * g, 20 * g, 0.25, NAN};
        must(ef_store_put_generation(store, &row, &err), &err);
    }
    uint64_t *back = NULL;
    size_t n = 0;
    must(ef_store_get_population(store, &back, &n, &err), &err);
    cr_assert_eq(n, 3);
    cr_expect_arr_eq(back, ids, sizeof ids);
    ef_free(back);
    must(ef_store_last_generation(store, &generation, &found, &err), &err);
    cr_expect(found);
    cr_expect_eq(generation.number, 2);
    cr_expect_eq(generation.trained, 20);
    cr_expect_eq(generation.next_id, 40);
    cr_expect(isnan(generation.hypervolume));
    ef_store_close(store);
}

STORE_TEST(store_models, are_kept_for_the_named_ids_only)
{
    ef_error err = {0};
    ef_store *store = create();
    for (uint64_t id = 1; id <= 4; id++) {
        must(ef_store_put_model(store, id, &id, sizeof id, &err), &err);
    }
    must(ef_store_keep_models(store, (uint64_t[]){2, 4, 4}, 3, &err), &err);
    cr_expect_not(ef_store_has_model(store, 1));
    cr_expect(ef_store_has_model(store, 2));
    unsigned char *bytes = NULL;
    size_t size = 0;
    must(ef_store_get_model(store, 4, &bytes, &size, &err), &err);
    cr_assert_eq(size, sizeof(uint64_t));
    uint64_t four = 4;
    cr_expect_arr_eq(bytes, &four, size);
    ef_free(bytes);
    ef_store_close(store);
}

STORE_TEST(store_config, is_text_by_key)
{
    ef_error err = {0};
    ef_store *store = create();
    must(ef_store_set(store, "seed", "1", &err), &err);
    must(ef_store_set(store, "seed", "2", &err), &err);
    ef_text value;
    ef_text_init(&value);
    must(ef_store_get(store, "absent", &value, &err), &err);
    cr_expect_eq(value.size, 0);
    must(ef_store_get(store, "seed", &value, &err), &err);
    cr_expect_str_eq(value.bytes, "2");
    ef_text_clear(&value);
    ef_store_close(store);
}

STORE_TEST(store_memory, every_failing_allocation_is_reported)
{
    for (long n = 0; n < 3; n++) {
        ef_error err = {0};
        ef_store *store = NULL;
        ef_mem_fail_after(n);
        ef_status status = ef_store_create(&store, path, 0, &err);
        ef_mem_fail_after(-1);
        cr_expect_eq(status, EF_ERR_MEMORY, "allocation %ld", n);
        cr_expect_null(store);
    }
}

static ef_status check_seed(void *context, const ef_store_seed *seed, ef_error *err)
{
    (void)err;
    size_t *n = context;
    cr_expect_str_eq(seed->name, *n ? "net.yaml" : "mine.onnx");
    cr_expect_eq(seed->hash, *n ? 1 : UINT64_C(0xfedcba9876543210));
    cr_expect_eq(seed->has_weights, *n == 0);
    cr_expect(seed->size == 4 && memcmp(seed->onnx, "a\0b", 4) == 0);
    ++*n;
    return EF_OK;
}

static size_t count_seeds(ef_store *store)
{
    ef_error err = {0};
    size_t n = 0;
    must(ef_store_each_seed(store, check_seed, &n, &err), &err);
    return n;
}

STORE_TEST(store_seed, comes_back_in_order_and_is_not_in_files_of_version_1)
{
    ef_error err = {0};
    ef_store *store = create();
    cr_expect_eq(count_seeds(store), 0);
    ef_store_seed first = {"mine.onnx", UINT64_C(0xfedcba9876543210), 1, "a\0b", 4};
    ef_store_seed second = {"net.yaml", 1, 0, "a\0b", 4};
    must(ef_store_begin(store, &err), &err);
    must(ef_store_add_seed(store, &first, &err), &err);
    must(ef_store_add_seed(store, &second, &err), &err);
    must(ef_store_commit(store, &err), &err);
    cr_expect_eq(count_seeds(store), 2);
    ef_store_close(store);
    must(ef_store_open(&store, path, 0, &err), &err);
    cr_expect_eq(count_seeds(store), 2);
    ef_store_close(store);

    /* user_version stands at byte 60 of an SQLite file, most significant byte first. */
    FILE *file = fopen(path, "r+b");
    cr_assert(file && fseek(file, 63, SEEK_SET) == 0 && fputc(1, file) == 1);
    fclose(file);
    must(ef_store_open(&store, path, 0, &err), &err);
    cr_expect_eq(count_seeds(store), 0);
    ef_store_close(store);
}
