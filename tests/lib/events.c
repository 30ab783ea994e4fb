/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct event_key events_key = {(const uint8_t *)"a key for journal lines in tests",
				     (const uint8_t *)"an archive's id."};

/* xorshift64 */
uint64_t events_rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

int events_parse(struct event *ev, const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = event_parse(ev, (struct text_span){copy, n});
	free(copy);
	return rc;
}

/* Append "<what>" of n times two digits; returns where the next goes. */
static char *repeat(char *to, const char *two, int n)
{
	*to++ = '"';
	for (int i = 0; i < n; i++, to += 2)
		memcpy(to, two, 2);
	*to++ = '"';
	return to;
}

void events_expand(char out[EVENTS_BODY], const char *body)
{
	static const char head[] = "{\"v\":1,\"seq\":7,\"time\":\"2026-11-23T07:10:00.123Z\","
				   "\"type\":\"";
	bool in_head = false;

	for (; *body; body++) {
		if (*body == '%' || *body == '#') {
			out = repeat(out, body + 1, *body == '%' ? 16 : 32);
			body += 2;
		} else if (*body != '@') {
			*out++ = *body == '\'' ? '"' : *body;
		} else {
			in_head = !in_head;
			out = stpcpy(out, in_head ? head : "\"");
		}
	}
	*out = '\0';
}

int events_parse_body(struct event *ev, const char *body)
{
	char line[EVENTS_BODY + EVENTS_MAC_TAIL];

	events_expand(line, body);
	strcat(line, ",\"mac\":\"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\"}");
	return events_parse(ev, line, strlen(line));
}

void events_fill(struct event *ev, enum event_type type)
{
	memset(ev, 0, sizeof(*ev));
	ev->type = type;
	ev->seq = 7;
	ev->time_ms = EVENTS_TIME_MS;
	memset(ev->archive, 0xa0, 16);
	memset(ev->node, 0xa1, 16);
	memset(ev->document, 0xa2, 16);
	memset(ev->accession, 0xa3, 16);
	memset(ev->segment, 0xa4, 16);
	memset(ev->item, 0xa5, 16);
	memset(ev->release, 0xa6, 16);
	memset(ev->log, 0xa7, 16);
	memset(ev->export, 0xa8, 16);
	memset(ev->origin, 0xa9, 16);
	memset(ev->header, 0xb0, 32);
	memset(ev->head, 0xb1, 32);
	memset(ev->frame, 0xb2, 32);
	memset(ev->commitment, 0xb3, 32);
	memset(ev->digest, 0xb4, 32);
	memset(ev->root, 0xb5, 32);
	ev->epoch = 1, ev->offset = 2, ev->length = 3, ev->headlen = 4, ev->items = 5;
	ev->accessions = 6, ev->bytes = UINT64_MAX, ev->uid = 0, ev->pid = 8, ev->handle = 9;
	ev->count = 10, ev->loginuid = 11, ev->size = 12, ev->stamp = 13;
	strcpy(ev->version, "0.1");
	strcpy(ev->user, "alice");
	strcpy(ev->host, "poe-17");
	strcpy(ev->kind, "authorisation");
	strcpy(ev->what, "open");
	strcpy(ev->reason, "expired");
	strcpy(ev->program, "/usr/bin/cp");
	strcpy(ev->witness, "w");
	strcpy(ev->recipients, "age1x age1y");
}

/* In the notation of events_expand(). */
static const char *const golden[EVENT_TYPES] = {
	[EVENT_STARTED] = "@started@,'archive':%a0,'node':%a1,'version':'0.1'",
	[EVENT_ENROLLED] = "@enrolled@,'document':%a2,'digest':#b4,'user':'alice','uid':0",
	[EVENT_ACCESSION] =
		"@accession@,'accession':%a3,'epoch':1,'user':'alice','uid':0,'host':'poe-17'"
		",'origin':%a9,'export':%a8",
	[EVENT_SEGMENT] = "@segment@,'accession':%a3,'segment':%a4,'header':#b0",
	[EVENT_INGEST] = "@ingest@,'accession':%a3,'item':%a5,'segment':%a4,'offset':2,'length':3"
			 ",'headlen':4,'head':#b1,'frame':#b2,'commitment':#b3",
	[EVENT_ACCESSION_CLOSED] =
		"@accession-closed@,'accession':%a3,'items':5,'bytes':18446744073709551615",
	[EVENT_REQUESTED] = "@requested@,'document':%a2,'digest':#b4,'items':5,'accessions':6"
			    ",'user':'alice','uid':0",
	[EVENT_ADMITTED] =
		"@admitted@,'kind':'authorisation','document':%a2,'digest':#b4,'user':'alice'"
		",'uid':0",
	[EVENT_REFUSED] = "@refused@,'what':'open','reason':'expired','item':%a5,'document':%a2"
			  ",'digest':#b4,'uid':0,'user':'alice','program':'/usr/bin/cp','count':10",
	[EVENT_OPENED] = "@opened@,'item':%a5,'release':%a6,'uid':0,'loginuid':11,'user':'alice'"
			 ",'pid':8,'program':'/usr/bin/cp','handle':9,'export':%a8",
	[EVENT_CLOSED] =
		"@closed@,'item':%a5,'release':%a6,'handle':9,'bytes':18446744073709551615",
	[EVENT_RELEASE_ENDED] = "@release-ended@,'release':%a6,'reason':'expired'",
	[EVENT_MOUNTED] = "@mounted@,'uid':0,'user':'alice'",
	[EVENT_UNMOUNTED] = "@unmounted@,'uid':0",
	[EVENT_DAMAGED] = "@damaged@,'item':%a5,'segment':%a4,'offset':2,'length':3,'what':'open'",
	[EVENT_RECOVERED] = "@recovered@,'bytes':18446744073709551615,'digest':#b4",
	[EVENT_COSIGNED] = "@cosigned@,'log':%a7,'size':12,'root':#b5,'witness':'w','stamp':13"
			   ",'user':'alice','uid':0",
	[EVENT_REPAIRED] = "@repaired@,'item':%a5,'segment':%a4,'document':%a2,'what':'open'"
			   ",'offset':2,'length':3,'digest':#b4,'user':'alice','uid':0",
	[EVENT_EXPORTED] =
		"@exported@,'export':%a8,'release':%a6,'kind':'authorisation'"
		",'recipients':'age1x age1y','items':5,'bytes':18446744073709551615,'uid':0"
		",'loginuid':11,'user':'alice','pid':8,'program':'/usr/bin/cp'",
	[EVENT_EXPORT_CLOSED] = "@export-closed@,'export':%a8,'release':%a6,'items':5"
				",'bytes':18446744073709551615,'reason':'expired','digest':#b4",
};

void events_golden(char out[EVENTS_BODY], enum event_type type)
{
	assert_non_null(golden[type]);
	events_expand(out, golden[type]);
}

/* A character of a string field: now and then one that needs care. */
static size_t random_char(char *to, uint64_t r)
{
	static const char *const odd[] = {"\"",
					  "\\",
					  "\x01",
					  "\x1f",
					  "\n",
					  "\x7f",
					  "\xc2\x80",
					  "\xc2\x9f",
					  "\xc2\xa0",
					  "/",
					  "\xc3\xbc",
					  "\xe2\x80\xa8",
					  "\xf0\x9f\x9a\x97",
					  "\xf4\x8f\xbf\xbf",
					  "\xef\xbf\xbd",
					  "\xed\x9f\xbf"};
	const char *s;

	if (r % 4) {
		*to = (char)(' ' + (r >> 8) % 95);
		return 1;
	}
	s = odd[(r >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	memcpy(to, s, strlen(s));
	return strlen(s);
}

static void random_string(char to[EVENT_STR_MAX], uint64_t *s)
{
	size_t limit = events_rnd(s) % 3 ? events_rnd(s) % 20 : EVENT_STR_MAX - 1, n = 0;
	char c[4];

	memset(to, 0, EVENT_STR_MAX);
	for (;;) {
		size_t k = random_char(c, events_rnd(s));

		if (n + k > limit)
			return;
		memcpy(to + n, c, k);
		n += k;
	}
}

static void random_bytes(uint8_t *to, size_t n, uint64_t *s)
{
	bool zero = events_rnd(s) % 5 == 0;

	for (size_t i = 0; i < n; i++)
		to[i] = zero ? 0 : (uint8_t)(events_rnd(s) >> 20);
}

static uint64_t random_num(uint64_t *s)
{
	return events_rnd(s) >> (events_rnd(s) % 65 == 64 ? 63 : events_rnd(s) % 64);
}

void events_random(struct event *ev, uint64_t *s)
{
	uint8_t *ids[] = {ev->archive, ev->node, ev->document, ev->accession,
			  ev->segment, ev->item, ev->release,  ev->log};
	uint8_t *hashes[] = {ev->header, ev->head, ev->frame, ev->commitment, ev->digest, ev->root};
	uint64_t *nums[] = {&ev->epoch,	     &ev->offset, &ev->length,	 &ev->headlen, &ev->items,
			    &ev->accessions, &ev->bytes,  &ev->uid,	 &ev->pid,     &ev->handle,
			    &ev->count,	     &ev->seq,	  &ev->loginuid, &ev->size,    &ev->stamp};
	char *strs[] = {ev->version, ev->user,	 ev->host,    ev->kind,
			ev->what,    ev->reason, ev->program, ev->witness};

	memset(ev, 0, sizeof(*ev));
	ev->type = (enum event_type)(1 + events_rnd(s) % (EVENT_TYPES - 1));
	ev->time_ms = (int64_t)(events_rnd(s) % UINT64_C(253402300800000));
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		random_bytes(ids[i], 16, s);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		random_bytes(hashes[i], 32, s);
	for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++)
		*nums[i] = random_num(s);
	for (size_t i = 0; i < sizeof(strs) / sizeof(strs[0]); i++)
		random_string(strs[i], s);
}
