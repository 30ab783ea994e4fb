/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposition: metrics in the text format of Prometheus, version 0.0.4, on standard output: families with
 * their HELP and TYPE, samples with labels.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_EXPOSITION_H
#define CUSTODY_TOOLS_EXPOSITION_H

#include <stdint.h>

/* Begin a family of gauges: a name of [a-z_], what it is in a sentence. Its samples follow, and no others. */
void exposition_family(const char *name, const char *help);
/* Begin a sample: with no labels, or with pairs of label name and value, up to a NULL. Values may be any
 * bytes: they are escaped, and what is no UTF-8 is replaced. */
void exposition_sample(const char *name);
void exposition_labels(const char *name, const char *const pairs[]);
/* The value that ends a sample. */
void exposition_number(uint64_t value);
void exposition_time(int64_t ms); /* as seconds since 1970 */
/* A family of one sample without labels. */
void exposition_gauge(const char *name, const char *help, uint64_t value);

#endif
