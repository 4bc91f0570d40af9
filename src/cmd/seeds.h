/* The files that --seed-model names. */
#ifndef EF_CMD_SEEDS_H
#define EF_CMD_SEEDS_H

#include "base/status.h"
#include "cmd/option.h"
#include "net/dataset.h"
#include "study/seeds.h"

/* Adds the network of each file, *.onnx with its weights and anything else as a
 * topology in YAML; *list, of ef_search_config, becomes their names and hashes.
 * EF_ERR_INPUT: it does not fit the images or classes of set; what reading the file
 * fails with. */
EF_NODISCARD ef_status ef_seed_files_load(ef_seeds *seeds, const ef_words *paths,
                                          const ef_dataset *set, char **list,
                                          ef_error *err);

#endif
