/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_alarm: what in a status somebody should look at, each with an id that stays what it is:
 *
 *   damaged         the log tells of damage
 *   unreadable      items that can't be read
 *   unwitnessed     a log has had lines for too long that no witness has cosigned
 *   refusals        too many refusals
 *   clock           this host's clock is behind a log
 *   ending          a release of this node is about to end
 *   transfer-open   a transfer was released, and has not been received for too long
 *   transfer-mismatch  one was received, and not all arrived as it was released
 *   transfer-lost   documents of transfers that were admitted are not there any more
 *   enrolment       this node's enrolment is about to end, or has
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_ALARM_H
#define CUSTODY_TOOLS_CMD_ALARM_H

#include "tools/cmd_status.h"

/* All of them, up to a NULL. */
extern const char *const cmd_alarm_ids[];

struct cmd_alarm {
	const char *id;
	bool has_node, has_document;
	uint8_t node[16], document[16];
	uint64_t value, limit; /* what it is, and what it should not pass: numbers, or seconds */
	char text[400];
};

struct cmd_alarm_limits {
	int64_t unwitnessed_ms, ending_ms, enrolment_ms, unreceived_ms;
	uint64_t refusals; /* in refusal_span_ms */
	int64_t refusal_span_ms;
};
extern const struct cmd_alarm_limits cmd_alarm_defaults;

/* One option of those below; -1 if it is none of them, 0, or the exit code for a bad value. */
int cmd_alarm_option(struct cmd_alarm_limits *l, struct ui *ui, int c, const char *arg);
#define CMD_ALARM_OPTIONS                                                   \
	{"max-unwitnessed", 1, NULL, 'W'}, {"max-refusals", 1, NULL, 'R'},  \
		{"max-unreceived", 1, NULL, 'T'}, {"ending", 1, NULL, 'E'}, \
	{                                                                   \
		"enrolment-ending", 1, NULL, 'N'                            \
	}

struct cmd_alarms {
	struct cmd_alarm *list; /* owned */
	size_t n;
};
/* st was gathered. Codes of cmd_merge. */
int cmd_alarm_find(struct cmd_alarms *out, const struct cmd_status *st,
		   const struct cmd_alarm_limits *l, struct err *e);
void cmd_alarm_free(struct cmd_alarms *a);
void cmd_alarm_print(const struct cmd_alarms *a);
struct ui_json;
void cmd_alarm_json(const struct cmd_alarms *a, struct ui_json *j); /* the member "alarms" */

#endif
