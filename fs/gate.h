/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: the decision. May this local user read this item now, and under which release? Pure but for
 * the releases it is shown; journalling and keys are the caller's (fs/reading).
 *
 * Thread rule: any thread.
 */
#ifndef CUSTODY_FS_GATE_H
#define CUSTODY_FS_GATE_H

#include <stdint.h>

#include "crypto/err.h"
#include "fs/release.h"
#include "index/object.h"

struct gate_ask {
	uint8_t item[16], accession[16];
	uint8_t commitment[32]; /* of the item, see release_covering() */
	uint32_t uid;
	int64_t now_ms;	 /* monotonic wall clock, see fs/station */
	int64_t last_ms; /* time of the journal's last event */
};

/* 0 and *out held (release_drop it), or why not. When several releases come near, the reason of
 * the one that came nearest: not covered < revoked < expired < not yet < user < budget. A clock
 * behind the log is ERR_CLOCK before all else. *near (may be NULL) names the serial of that
 * release, zeros if none. */
int gate_decide(struct release_set *s, const struct gate_ask *ask, struct release **out,
		uint8_t near[16]);
/* 0, or why this release does not let the caller read now, whatever it covers. ERR_CLOCK. */
int gate_examine(struct release *r, const struct gate_ask *ask);
/* The sentence for people: rule, and what to do. */
void gate_explain(char *out, size_t cap, int code, const uint8_t near[16]);

#endif
