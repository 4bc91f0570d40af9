/* Topologies and models that the command line names. */
#ifndef EF_CMD_MODEL_H
#define EF_CMD_MODEL_H

#include "base/status.h"
#include "net/dataset.h"
#include "net/topology.h"
#include "onnx/onnx.h"

/* By its name: *.onnx; anything else is read as YAML. */
int ef_path_is_onnx(const char *path);

/* The topology of a YAML file or an ONNX model; the caller owns it.
 * EF_ERR_IO, EF_ERR_INPUT, EF_ERR_UNSUPPORTED, EF_ERR_TOPOLOGY, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_model_load_topology(ef_topology **topology, const char *path,
                                              ef_error *err);

#define EF_MODEL_HASH_SIZE 17

/* A data set in the notes of a model: 16 hexadecimal digits. */
void ef_model_data_hash(const ef_dataset *set, char text[EF_MODEL_HASH_SIZE]);

/* EF_ERR_INPUT, with path in the sentence, unless the topology takes the images of set,
 * as they are, or all values of one in a row. */
EF_NODISCARD ef_status ef_model_check_images(const ef_topology *topology,
                                             const ef_dataset *set, const char *path,
                                             ef_error *err);
/* The same, and unless it has an output for each class. */
EF_NODISCARD ef_status ef_model_check_data(const ef_topology *topology,
                                           const ef_dataset *set, const char *path,
                                           ef_error *err);

#endif
