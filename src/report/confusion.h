/* What a classifier takes the images of each class for. */
#ifndef EF_REPORT_CONFUSION_H
#define EF_REPORT_CONFUSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Up to so many classes each has a column of its own. */
#define EF_CONFUSION_COLUMNS 20

/* Adds a table for people: a row for each true class with how many of its images were
 * given each class, how many images it has, and the recall, the share of them that was
 * given their own.  Above EF_CONFUSION_COLUMNS classes a row tells, in place of the
 * columns, the class that its images were most often mistaken for (the lowest of
 * equals), and how often.  truth and predicted: shape (n), each below n_classes;
 * names: (n_classes), NULL where classes have numbers only.
 * Cost: O(n log n) and memory for n. */
void ef_confusion_print(const uint16_t *truth, const uint16_t *predicted, size_t n,
                        size_t n_classes, char *const *names, ef_text *text);

/* The same of classes that faults changed: a row for each class without a fault with
 * how often it became each other, and the share of all changes that are its own.
 * Above EF_CONFUSION_COLUMNS classes those that never changed are left out.
 * changes: (n_classes, n_classes) from a class to a class, whose diagonal is not read.
 */
void ef_confusion_print_changes(const uint64_t *changes, size_t n_classes,
                                char *const *names, ef_text *text);

#endif
