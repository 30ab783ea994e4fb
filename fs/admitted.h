/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admitted: documents/ held against what was admitted. Who takes a revocation away, or the latest
 * enrolment of this node, must not get back what it ended.
 *
 * Thread rule: for the thread that catches up.
 */
#ifndef CUSTODY_FS_ADMITTED_H
#define CUSTODY_FS_ADMITTED_H

#include "fs/station.h"

/*
 * Each revocation that the index says was admitted, by whatever node, is in documents/ with the same
 * bytes; so is each one that the node remembers from an index before, and it remembers these. It then
 * counts in the station's roster. And those that archive.txt carries over. All are looked at before it returns. ERR_DAMAGED names the first
 * that is missing or altered. ERR_INDEX, ERR_NOMEM.
 */
int admitted_check(struct station *s, struct err *e);
/*
 * The enrolment whose serial the node keeps is in documents/, so that no older one stands in for
 * it: needs the roster, not the index. ERR_DAMAGED if it is missing or altered, ERR_NOT_ENROLLED if
 * there is none or none counts, ERR_NOMEM.
 */
int admitted_enrolment(const struct station *s, struct err *e);

#endif
