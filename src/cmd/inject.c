/* evoflip inject: what faults in stored bits do to a model. */
#include "base/mem.h"
#include "cmd/inject_priv.h"

static const char *const designs[] = {
#define X(design, name) name,
    EF_DESIGN_LIST(X)
#undef X
        NULL};
static const char *const recomputes[] = {"touched", "all", NULL};

#define ROW(option, kind, heading, field, value, sentence)                             \
    .name = option, .type = kind, .group = heading, .argument = value,                 \
    .offset = offsetof(ef_inject_settings, field), .help = sentence

const ef_option ef_inject_options[] = {
    {ROW("target", EF_OPTION_TEXT, "Faults", target, "LIST",
         "what is struck, each a campaign of its own: weights, biases, activations, "
         "inputs, accumulators, scales, norm"),
     .shown = "weights,activations"},
    {ROW("fault", EF_OPTION_TEXT, "Faults", fault, "KIND",
         "what happens to the bits: flip, flip:K adjacent ones, stuck0, stuck1; ber:P, "
         "each flips with chance P, ber:P:Q:... a sweep of such rates; "
         "weights=ber:P,activations=ber:Q, struck together"),
     .fallback = "flip"},
    {ROW("nodes", EF_OPTION_TEXT, "Faults", nodes, "LIST",
         "only of these nodes; patterns as the shell's: 'conv*'"),
     .shown = "all"},
    {ROW("channels", EF_OPTION_TEXT, "Faults", channels, "LIST",
         "only of these channels of their outputs: 0-3,7"),
     .shown = "all"},
    {ROW("bits", EF_OPTION_TEXT, "Faults", bits, "LIST",
         "only these bits, 0 the least significant"),
     .shown = "all"},
    {ROW("per-image", EF_OPTION_FLAG, "Faults", per_image, NULL,
         "strike each image at a place of its own, not all at the same")},
    {ROW("by-node", EF_OPTION_FLAG, "Faults", by_node, NULL,
         "strike bit error rates in one node at a time too")},
    {ROW("replay", EF_OPTION_PATH, "Faults", replay, "FILE",
         "strike the faults of a list instead of drawing some, see evoflip help "
         "faults")},
    {ROW("count", EF_OPTION_COUNT, "How many", count, "N",
         "strike N faults of each target; at bit error rates N trials, else 100"),
     .min = 1, .max = 1e15,
     .shown = "until the CCR is known to within 20 % of it or is below 0.01 %, at most "
              "100k"},
    {ROW("precision", EF_OPTION_TEXT, "How many", precision, "P%",
         "strike until the half of the interval is at most P % of the CCR, or the CCR "
         "is below 0.01 %; with --count at most N"),
     .shown = "20%"},
    {ROW("exhaustive", EF_OPTION_FLAG, "How many", exhaustive, NULL,
         "strike every fault there is")},
    {ROW("design", EF_OPTION_CHOICE, "How many", design, "uniform|stratified",
         "stratified: after a pilot more faults in the tensors and bits where rates "
         "vary"),
     .names = designs, .fallback = "uniform"},
    {ROW("format", EF_OPTION_FORMAT, "Numbers", common.format, "F",
         "format of weights and activations: int8, fixed8, fp16, e4m3 ..."),
     .fallback = "int8"},
    {ROW("weights", EF_OPTION_FORMAT, "Numbers", weights, "F",
         "format of weights; int8c has a scale for each output channel"),
     .shown = "of --format; of int8 int8c"},
    {ROW("activations", EF_OPTION_FORMAT, "Numbers", activations, "F",
         "format of activations"),
     .shown = "of --format; of int8 uint8 where none is negative"},
    {ROW("accumulator", EF_OPTION_TEXT, "Numbers", accumulator, "BITS[+sat]",
         "width of running sums in integers, 16 to 64; they wrap, or saturate"),
     .shown = "32, or 64 with operands of more than 8 bits"},
    {ROW("ranges", EF_OPTION_TEXT, "Numbers", ranges, "RULE",
         "what is taken of the values of activations: max, percentile:P, or mse, what "
         "leaves the least squared error"),
     .fallback = "max"},
    {ROW("calibrate", EF_OPTION_PATH, "Numbers", calibrate, "N|FILE",
         "images that set the ranges of activations: so many of the training part, or "
         "those of another data set, as --data takes it"),
     .fallback = "256"},
    {ROW("safety", EF_OPTION_FLAG, "Safety", safety, NULL,
         "print which classes change into which, the worst faults, the most fragile "
         "images and what protecting bits removes")},
    {ROW("fit-per-mbit", EF_OPTION_F64, "Safety", fit_per_mbit, "X",
         "raw soft error rate of the memory, in FIT per 2^20 bits: print the FIT of "
         "the "
         "network, of its nodes and bits"),
     .min = 1e-9, .max = 1e15},
    {ROW("severity", EF_OPTION_PATH, "Safety", severity, "FILE",
         "CSV table of how much a change from a class to another weighs: print the "
         "changes, and the weighted rate")},
    {ROW("worst", EF_OPTION_COUNT, "Safety", worst, "N",
         "print the N worst faults and most fragile images"),
     .fallback = "10", .max = 1e6},
    {ROW("protect", EF_OPTION_PATH, "Safety", protect, "FILE",
         "write as CSV, and beside it as SVG, the share of failures that goes with the "
         "most critical bits protected")},
    {EF_COMMON_ROW("hardware", EF_OPTION_PATH, "Safety", hardware, "FILE",
                   "accelerator whose schedule tells how long each tensor is exposed: "
                   "print the rates weighted by it; see evoflip help hardware")},
    EF_COMMON_DATA("digits"),
    EF_COMMON_SPLIT,
    EF_COMMON_IMAGES,
    EF_COMMON_RAW_NORMALISATION,
    EF_COMMON_CSV,
    EF_COMMON_JSON,
    {EF_COMMON_ROW("svg", EF_OPTION_PATH, "Output", svg, "FILE",
                   "draw CCR and accuracy over the bit error rate")},
    {ROW("outcomes", EF_OPTION_PATH, "Output", outcomes, "FILE",
         "write what each fault did as CSV; - is standard output")},
    {ROW("save-faults", EF_OPTION_PATH, "Output", save_faults, "FILE",
         "write the faults as a list that --replay takes")},
    {ROW("run", EF_OPTION_PATH, "Output", run, "FILE",
         "keep what is done in a run file, to go on with --resume")},
    {ROW("resume", EF_OPTION_FLAG, "Output", resume, NULL,
         "go on with the run file of the same call")},
    EF_COMMON_FORCE,
    {ROW("plan", EF_OPTION_FLAG, "Running", plan, NULL,
         "print how many faults there are, and what striking them takes")},
    {ROW("recompute", EF_OPTION_CHOICE, "Running", recompute, "touched|all",
         "run again for each fault; no result depends on it"),
     .names = recomputes, .fallback = "touched"},
    EF_COMMON_SEED,
    EF_COMMON_THREADS,
    EF_COMMON_QUIET,
    EF_COMMON_VERBOSE,
    {.name = NULL},
};

static void clear_job(ef_inject_job *job)
{
    for (size_t i = 0; i < job->n_campaigns; i++) {
        ef_weighing_destroy(job->weighings[i]);
        ef_campaign_destroy(job->campaigns[i]);
    }
    ef_severity_clear(&job->severity);
    ef_inject_exposure_clear(&job->exposure);
    ef_injector_destroy(job->injector);
    ef_fault_list_clear(&job->list);
    ef_store_close(job->store);
    ef_inject_calibration_clear(&job->calibration);
    ef_subject_clear(&job->subject);
    ef_testbed_clear(&job->bed);
    ef_numbers_clear(&job->selection.channels);
    ef_numbers_clear(&job->selection.bits);
    ef_text_clear(&job->text);
    ef_table_clear(&job->table);
}

static ef_status strike(ef_inject_job *job, ef_error *err)
{
    ef_status status = ef_inject_run(job, err);
    if (!status && job->is_sweep) {
        status = ef_inject_describe(job, &job->table, err);
        return status ? status
                      : ef_call_print_report(job->call, &job->table, &job->text, err);
    }
    status = status ? status : ef_inject_write_lists(job, err);
    status = status ? status : ef_inject_weigh(job, err);
    status = status ? status : ef_inject_write_protection(job, err);
    return status ? status : ef_inject_report(job, err);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    ef_inject_job job = {.call = call, .set = call->settings};
    ef_table_init(&job.table);
    ef_status status = ef_inject_choose(&job, err);
    status = status ? status : ef_inject_choose_formats(&job, err);
    status = status ? status : ef_inject_check_outputs(&job, err);
    status = status ? status : ef_inject_prepare(&job, err);
    if (!status) {
        status = !job.set->plan ? strike(&job, err)
                 : job.is_sweep ? ef_inject_plan_sweeps(&job, err)
                                : ef_inject_print_plan(&job, err);
    }
    clear_job(&job);
    return status;
}

const ef_command ef_command_inject = {
    .name = "inject",
    .help = "strike stored bits of a model, and count the classes that change",
    .operands = "MODEL.onnx",
    .least = 1,
    .most = 1,
    .options = ef_inject_options,
    .settings_size = sizeof(ef_inject_settings),
    .run = run,
};
