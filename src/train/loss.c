#include "train/loss.h"

#include <math.h>

#include "base/mathfn.h"

/* The largest logit; NaN where one is. */
static double find_largest(size_t classes, const float *logits)
{
    double largest = (double)logits[0];
    for (size_t k = 1; k < classes; k++) {
        double v = (double)logits[k];
        largest = v > largest || isnan(v) ? v : largest;
    }
    return largest;
}

static int is_right(size_t classes, const float *logits, size_t label)
{
    for (size_t k = 0; k < classes; k++) {
        int below = k < label ? logits[k] < logits[label] : logits[k] <= logits[label];
        if (k != label && !below) {
            return 0;
        }
    }
    return !isnan(logits[label]);
}

/* The loss of one image; its gradient times factor, which may be NULL. */
static double one(size_t classes, const float *logits, size_t label, double smoothing,
                  double factor, float *gradient)
{
    double largest = find_largest(classes, logits), sum = 0, linear = 0;
    double even = smoothing / (double)classes;
    for (size_t k = 0; k < classes; k++) {
        double v = (double)logits[k] - largest, e = ef_exp(v);
        double target = (k == label ? 1 - smoothing : 0) + even;
        sum += e;
        linear += target > 0 ? target * v : 0;
        if (gradient) {
            gradient[k] = (float)e;
        }
    }
    for (size_t k = 0; gradient && k < classes; k++) {
        double target = (k == label ? 1 - smoothing : 0) + even;
        gradient[k] = (float)(((double)gradient[k] / sum - target) * factor);
    }
    return ef_log(sum) - linear;
}

ef_loss ef_loss_softmax(size_t n, size_t classes, const float *logits,
                        const uint16_t *labels, double smoothing, size_t batch,
                        float *gradient)
{
    ef_loss loss = {0, 0};
    for (size_t i = 0; i < n; i++, logits += classes) {
        float *to = gradient ? gradient + i * classes : NULL;
        loss.sum += one(classes, logits, labels[i], smoothing, 1 / (double)batch, to);
        loss.wrong += !is_right(classes, logits, labels[i]);
    }
    return loss;
}
