/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/gate.h"

#include <stdio.h>
#include <string.h>

#include "crypto/text.h"

/* The clock may run this far behind the log before it is called wrong, as in index/journal. */
#define CLOCK_SLACK_MS 2000

struct decision {
	const struct gate_ask *ask;
	struct release *granted; /* held */
	int code;		 /* the reason that came nearest so far */
	uint8_t near[16];
};

/* How near a refusal came to a grant. */
static int nearness(int code)
{
	switch (code) {
	case ERR_NOT_COVERED:
		return 0;
	case ERR_REVOKED:
		return 1;
	case ERR_EXPIRED:
		return 2;
	case ERR_NOT_YET:
		return 3;
	case ERR_USER:
		return 4;
	case ERR_BUDGET:
		return 5;
	default:
		return 1; /* ended for a reason of another kind */
	}
}

static bool clock_behind(const struct gate_ask *ask)
{
	return ask->now_ms + CLOCK_SLACK_MS < ask->last_ms;
}

int gate_examine(struct release *r, const struct gate_ask *ask)
{
	const struct authorisation *a = release_terms(r);
	int ended = release_ended(r);
	uint64_t opens, bytes;

	if (clock_behind(ask))
		return ERR_CLOCK;
	if (ended && ended != ERR_EXPIRED && ended != ERR_BUDGET)
		return ended;
	if (ended == ERR_EXPIRED || ask->now_ms > a->not_after_ms)
		return ERR_EXPIRED;
	if (ask->now_ms < a->not_before_ms)
		return ERR_NOT_YET;
	if (!release_allows(r, ask->uid))
		return ERR_USER;
	release_used(r, &opens, &bytes);
	if (ended == ERR_BUDGET || (a->max_opens && opens >= a->max_opens) ||
	    (a->max_bytes && bytes >= a->max_bytes))
		return ERR_BUDGET;
	return 0;
}

static int consider(void *ctx, struct release *r)
{
	struct decision *d = ctx;
	int code = gate_examine(r, d->ask);

	if (code == 0) {
		release_hold(r);
		d->granted = r;
		return 1;
	}
	if (nearness(code) > nearness(d->code)) {
		d->code = code;
		memcpy(d->near, release_terms(r)->serial, 16);
	}
	return 0;
}

int gate_decide(struct release_set *s, const struct gate_ask *ask, struct release **out,
		uint8_t near[16])
{
	struct decision d = {.ask = ask, .code = ERR_NOT_COVERED};
	int rc;

	*out = NULL;
	if (near)
		memset(near, 0, 16);
	if (clock_behind(ask))
		return ERR_CLOCK;
	rc = release_covering(s, ask->item, ask->commitment, ask->accession, consider, &d);
	if (rc < 0)
		return rc;
	if (near)
		memcpy(near, d.granted ? release_terms(d.granted)->serial : d.near, 16);
	*out = d.granted;
	return d.granted ? 0 : d.code;
}

/* The rule, and what to do; %s is "authorisation <serial>". */
static const char *sentence(int code)
{
	switch (code) {
	case ERR_NOT_COVERED:
		return "no authorisation admitted on this node covers it: make a request for it "
		       "(custody request), have it authorised, and import the answer";
	case ERR_REVOKED:
		return "%s covered it, but was revoked: a new one is needed (custody request)";
	case ERR_EXPIRED:
		return "%s covered it, but has expired: a new one is needed (custody request)";
	case ERR_NOT_YET:
		return "%s covers it, but is not in force yet: wait until its not-before time";
	case ERR_USER:
		return "%s covers it, but for other users: read it as one of those it names, or "
		       "ask for one that names you";
	case ERR_BUDGET:
		return "%s covers it, but its budget of opens or bytes is used up: a new one is "
		       "needed (custody request)";
	case ERR_CLOCK:
		return "this computer's clock runs behind the custody log: set it right";
	default:
		return NULL;
	}
}

void gate_explain(char *out, size_t cap, int code, const uint8_t near[16])
{
	static const uint8_t none[16];
	char hex[33], which[64] = "an authorisation";
	const char *s = sentence(code);
	const char *rest = s ? strstr(s, "%s") : NULL;

	if (near && memcmp(near, none, 16) != 0) {
		text_hex(hex, near, 16);
		snprintf(which, sizeof(which), "authorisation %s", hex);
	}
	if (code == ERR_OK)
		snprintf(out, cap, "%s covers it", which);
	else if (rest)
		snprintf(out, cap, "%s%s", which, rest + 2);
	else
		snprintf(out, cap, "%s", s ? s : err_text(code));
}
