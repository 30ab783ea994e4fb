/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moment: times of capture as cameras, manifests and EXIF write them: ISO 8601 and its kin
 * ("2026-11-01T10:34:07.482Z", "2026:11:01 10:34:07", "2026/11/01 10:34:07,5 +0100") and seconds,
 * milliseconds or microseconds since 1970, told apart by their number of digits. A time without a
 * zone is local: it says nothing about UTC until somebody says which zone was meant.
 *
 * Thread rule: pure, but for named zones: these set the time zone of the process (TZ), before it
 * starts threads, and one thread works with them.
 */
#ifndef CUSTODY_FS_MOMENT_H
#define CUSTODY_FS_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"

#define MOMENT_ZONE_SIZE 64
#define MOMENT_LOCAL_SIZE 24 /* "2026-11-01T10:34:07.482" and NUL */

struct moment {
	bool local;    /* no zone was given: ms is what the clock showed, as if that were UTC */
	int64_t ms;    /* since 1970 */
	char zone[16]; /* "Z", "+01:00", or "epoch"; empty when local */
};

/* 1970 to 9999; what is finer than a millisecond is cut off. False for anything else: a date
 * without a time, a day that no month has, a leap second. */
bool moment_parse(struct moment *m, struct text_span s);
/* The same where the text has one of those dates alone. */
bool moment_parse_date(char out[11], struct text_span s); /* "2028-11-01" */
void moment_local_text(char out[MOMENT_LOCAL_SIZE], int64_t ms);

/* The zone that is meant where none is written: a name of the system's time zones
 * ("America/Chicago") or an offset ("-06:00", "UTC"). */
struct moment_zone {
	char name[MOMENT_ZONE_SIZE];
	bool fixed;
	int32_t offset; /* of a fixed one, seconds east of UTC */
};
/* ERR_USAGE names what is wrong with it. */
int moment_zone_parse(struct moment_zone *z, const char *name, struct err *e);
/* UTC of a local time; false when the clock showed it twice that day, or never (summer time). */
bool moment_zone_utc(const struct moment_zone *z, int64_t local_ms, int64_t *utc_ms);

#endif
