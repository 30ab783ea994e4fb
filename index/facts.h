/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts: what of an item's provenance it is searched by: when and where it was captured, which event
 * it belongs to, and the plates that were read in it. Found in the record under the names of a
 * manifest's columns, bare or as a source said them: the manifest goes before --meta.
 *
 * An image may show several plates: plate_text, plate_text.2, ... Each reading has its own region,
 * confidence and hit.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_FACTS_H
#define CUSTODY_INDEX_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/text.h"
#include "index/record.h"

#define FACTS_TEXT_MAX 255u /* bytes of a text; what is longer is cut at a character */
#define FACTS_PLATE_MAX 32u /* bytes of a plate */
#define FACTS_READINGS 32u
#define FACTS_UNSURE UINT16_MAX /* no confidence is given */

enum facts_text {
	FACTS_PORT,
	FACTS_SITE,
	FACTS_LANE,
	FACTS_CAMERA, /* id */
	FACTS_CAMERA_NAME,
	FACTS_EVENT,
	FACTS_SYSTEM, /* what sent it */
	FACTS_ROLE,   /* of the image in its event */
	FACTS_CASE,
	FACTS_TEXTS
};

/* Whose clock an item's time is of. */
enum facts_clock {
	FACTS_CAPTURED = 1, /* the capture, in UTC */
	FACTS_LOCAL = 2,    /* the capture, as a clock of unknown zone showed it */
	FACTS_MODIFIED = 3, /* the source file's last change: nothing is said of a capture */
};
const char *facts_clock_name(enum facts_clock c); /* "captured_at", "captured_local", "mtime" */

struct facts_reading {
	char plate[FACTS_PLATE_MAX + 1]; /* see facts_plate(); may be empty */
	struct text_span region, hit;
	uint16_t confidence; /* of 10,000; or FACTS_UNSURE */
};

/* Texts are borrowed from the record. What is not said is empty. */
struct facts {
	int64_t time_ms;
	enum facts_clock clock;
	struct text_span text[FACTS_TEXTS];
	struct facts_reading reading[FACTS_READINGS];
	unsigned readings; /* that have a plate, a region, a hit or a confidence */
};

/* mtime_ns: of the source file (index/object). */
void facts_of(struct facts *f, const struct record *r, int64_t mtime_ns);

/*
 * A plate as it is compared: letters and digits alone, ASCII letters as capitals, other characters as
 * they are; spaces, dashes, dots and all other ASCII characters are left out. Cut at FACTS_PLATE_MAX
 * bytes, at a character. The length, without the NUL that follows. keep: ASCII characters to keep all
 * the same ("*?"), or NULL.
 */
size_t facts_plate(char out[FACTS_PLATE_MAX + 1], const void *text, size_t n, const char *keep);
/* "0.93" or "93" (percent, above 1) -> 9300 of 10,000. False if it is neither. */
bool facts_confidence(struct text_span s, uint16_t *out);

#endif
