/* Topologies and models that the command line names. */
#ifndef EF_CMD_MODEL_H
#define EF_CMD_MODEL_H

#include "base/status.h"
#include "net/dataset.h"
#include "net/net.h"
#include "net/normalisation.h"
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

/* EF_ERR_INPUT, with path in the sentence, unless the topology takes the images of set
 * (as they are, or all values of one in a row) and has an output for each class. */
EF_NODISCARD ef_status ef_model_check_data(const ef_topology *topology,
                                           const ef_dataset *set, const char *path,
                                           ef_error *err);

/* True where a scale node alone reads the input. */
int ef_model_is_normalised(const ef_topology *topology);

/* A network of this topology with initial weights, its inputs normalised by a scale
 * node behind the input: the one that alone reads it, where the topology has one, else
 * a new one.  EF_ERR_MEMORY, EF_ERR_TOPOLOGY. */
EF_NODISCARD ef_status ef_model_create(ef_net **net, const ef_topology *topology,
                                       const ef_normalisation *norm, uint64_t seed,
                                       ef_error *err);

/* The same for a network that has its weights: they stay. */
EF_NODISCARD ef_status ef_model_normalise(ef_net **net, const ef_normalisation *norm,
                                          ef_error *err);

#endif
