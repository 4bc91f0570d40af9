/* Softmax cross-entropy, the loss of classification. */
#ifndef EF_TRAIN_LOSS_H
#define EF_TRAIN_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* What n images gave. */
typedef struct ef_loss {
    double sum;   /* of the losses, in nats; NaN or infinite where a logit is */
    size_t wrong; /* images whose largest logit is not their label's */
} ef_loss;

/* logits (n, classes) row-major, labels (n) below classes.  smoothing in [0, 1): that
 * share of the target is spread evenly over all classes.  gradient (n, classes), may
 * be NULL: of the mean loss of a batch of batch images.  A NaN among the logits of an
 * image counts it as wrong. */
ef_loss ef_loss_softmax(size_t n, size_t classes, const float *logits,
                        const uint16_t *labels, double smoothing, size_t batch,
                        float *gradient);

#endif
