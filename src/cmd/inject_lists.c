/* A row for each fault: which bits it struck, and what it did. */
#include <inttypes.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/inject_priv.h"

#define FLUSH_BYTES 65536

/* Adds what fault i of a campaign is to say; number: among all of the call. */
typedef void add_fault(const ef_inject_job *job, const ef_campaign *campaign, size_t i,
                       uint64_t number, ef_flip *flips, ef_text *text);

static void add_flips(const ef_inject_job *job, const ef_campaign *campaign, size_t i,
                      uint64_t number, ef_flip *flips, ef_text *text)
{
    size_t n_sites, n;
    const ef_site *sites = ef_injector_sites(job->injector, &n_sites);
    ef_campaign_fault(campaign, i, flips, &n);
    ef_fault_list_write(text, number, &(ef_fault){flips, n}, sites);
}

static void add_outcome(const ef_inject_job *job, const ef_campaign *campaign, size_t i,
                        uint64_t number, ef_flip *flips, ef_text *text)
{
    (void)job;
    (void)flips;
    const ef_outcomes o = ef_campaign_outcome(campaign, i).counts;
    ef_text_add(text,
                "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                ",%" PRIu64 "\n",
                number, o.images, o.masked, o.benign, o.sdc, o.nonfinite, o.corrected);
}

static ef_status flush(ef_text *text, ef_output *output, const char *path,
                       ef_error *err)
{
    ef_status status = text->failed ? ef_error_memory(err) : EF_OK;
    if (!status && text->size > 0 &&
        fwrite(text->bytes, 1, text->size, output->stream) != text->size) {
        status = ef_error_io(err, path, "cannot write");
    }
    text->size = 0;
    return status;
}

static ef_status write_campaign(const ef_inject_job *job, const ef_campaign *campaign,
                                uint64_t *number, add_fault *add, ef_text *text,
                                ef_output *output, const char *path, ef_error *err)
{
    ef_flip *flips = ef_calloc(ef_campaign_n_flips(campaign), sizeof *flips);
    ef_status status = flips ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; i < ef_campaign_n_outcomes(campaign) && !status; i++) {
        uint64_t own =
            job->set->replay ? ef_campaign_outcome(campaign, i).number : (*number)++;
        add(job, campaign, i, own, flips, text);
        if (text->size >= FLUSH_BYTES || text->failed) {
            status = flush(text, output, path, err);
        }
    }
    ef_free(flips);
    return status;
}

static ef_status write_file(const ef_inject_job *job, const char *path, ef_text *head,
                            add_fault *add, ef_error *err)
{
    ef_output output = {0};
    uint64_t number = 0;
    ef_status status = ef_output_open(&output, path, job->set->common.force, err);
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = write_campaign(job, job->campaigns[i], &number, add, head, &output,
                                path, err);
    }
    status = status ? status : flush(head, &output, path, err);
    status = status ? status : ef_output_commit(&output, err);
    ef_output_abandon(&output);
    ef_text_clear(head);
    return status;
}

/* Faults are numbered through all campaigns, in both files alike; those of a list keep
 * their numbers. */
ef_status ef_inject_write_lists(const ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    ef_text head = {0};
    ef_status status = EF_OK;
    if (set->save_faults) {
        ef_fault_list_write_head(&head);
        status = write_file(job, set->save_faults, &head, add_flips, err);
    }
    if (!status && set->outcomes) {
        ef_text_add(&head, "fault,images,masked,benign,sdc,nonfinite,corrected\n");
        status = write_file(job, set->outcomes, &head, add_outcome, err);
    }
    return status;
}
