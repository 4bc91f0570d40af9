/* Fault lists, evoflip-faults(5): which bits faults struck, so that they can be struck
 * again here or elsewhere. */
#ifndef EF_FAULTSIM_FAULT_LIST_H
#define EF_FAULTSIM_FAULT_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "faultsim/fault.h"

typedef struct ef_fault_list {
    uint64_t *numbers; /* (n), ascending: what the file calls the faults */
    ef_fault *faults;  /* (n), their flips in the list's own */
    size_t n;
    ef_flip *flips; /* (n_flips) */
    size_t n_flips;
} ef_fault_list;

/* Reads path; tensors are those of sites, shape (n_sites), images below n_images,
 * which are at least 1.  Rows in any order; of one fault the flips ascend by site,
 * image, element and moment, bits of one element that change alike in one flip.
 * Elements are counted in the file's layout there and in the network's here.
 * EF_ERR_INPUT with file and line: no such column, target, tensor, element, bit, kind,
 * image or step; a step where none is, or none where one is needed; a name that two
 * tensors bear; a bit that one fault strikes twice, in one image or in every image and
 * one of them.  EF_ERR_IO, EF_ERR_MEMORY.  Takes 64 bytes a row beside the list. */
EF_NODISCARD ef_status ef_fault_list_read(ef_fault_list *list, const char *path,
                                          const ef_site *sites, size_t n_sites,
                                          uint64_t n_images, ef_error *err);
void ef_fault_list_clear(ef_fault_list *list);

/* Appends the line of column names, then a fault after the other: a row for each bit,
 * or a row with nothing but the number for a fault that strikes nothing.  The text may
 * be written away and emptied (text->size = 0) in between. */
void ef_fault_list_write_head(ef_text *text);
void ef_fault_list_write(ef_text *text, uint64_t number, const ef_fault *fault,
                         const ef_site *sites);

#endif
