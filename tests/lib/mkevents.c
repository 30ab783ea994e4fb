// SPDX-License-Identifier: Apache-2.0
/*
 * mkevents NODE-DIR ARCHIVE: append events to the node's journal, with its key, as a mount would that
 * served readers all day. Standard input has an event a line: its type, then MEMBER=VALUE, ids in hex:
 *
 *   opened item=4f.. release=91.. uid=1000 user=alice program=cp handle=7
 *
 * Members that are not given are zero or empty. Events up to an empty line, or 10,000 of them, are
 * written at once; the next ones are at least a millisecond later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/station.h"

#define BATCH 10000u
#define AT(kind, name)                                    \
	{                                                 \
#name, kind, offsetof(struct event, name) \
	}

enum kind { ID, NUMBER, STRING };

static const struct member {
	const char *name;
	enum kind kind;
	size_t at;
} members[] = {AT(ID, item),	    AT(ID, release),   AT(ID, document),   AT(ID, accession),
	       AT(ID, segment),	    AT(NUMBER, uid),   AT(NUMBER, pid),	   AT(NUMBER, loginuid),
	       AT(NUMBER, handle),  AT(NUMBER, bytes), AT(NUMBER, count),  AT(NUMBER, offset),
	       AT(NUMBER, length),  AT(STRING, user),  AT(STRING, what),   AT(STRING, reason),
	       AT(STRING, program), AT(STRING, kind),  AT(STRING, version)};

static void die(const char *what)
{
	fprintf(stderr, "mkevents: %s\n", what);
	exit(1);
}

static void set(struct event *ev, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct member *m = &members[i];
		char *p = (char *)ev + m->at;
		uint64_t n;

		if (strcmp(m->name, name) != 0)
			continue;
		if (m->kind == ID && !text_unhex((struct text_span){value, strlen(value)}, p, 16))
			die("an id has 32 hex digits");
		if (m->kind == STRING)
			snprintf(p, EVENT_STR_MAX, "%s", value);
		if (m->kind == NUMBER) {
			n = strtoull(value, NULL, 10);
			memcpy(p, &n, sizeof(n));
		}
		return;
	}
	die(name);
}

static void parse(struct event *ev, char *line)
{
	char *save, *word = strtok_r(line, " ", &save), *value;
	unsigned t = EVENT_UNKNOWN + 1;

	memset(ev, 0, sizeof(*ev));
	while (t < EVENT_TYPES && strcmp(event_type_name(t), word) != 0)
		t++;
	if (t == EVENT_TYPES)
		die(word);
	ev->type = t;
	while ((word = strtok_r(NULL, " ", &save))) {
		value = strchr(word, '=');
		if (!value)
			die(word);
		*value++ = '\0';
		set(ev, word, value);
	}
}

static void append(struct station *s, struct event *ev, size_t n)
{
	const struct timespec tick = {.tv_nsec = 2000000};
	struct err e = {0};

	if (n && journal_append(s->journal, ev, n, &e))
		die(e.text);
	nanosleep(&tick, NULL);
}

int main(int argc, char **argv)
{
	struct station_ask ask = {.flags = STATION_NO_CATCH_UP};
	struct event *ev = calloc(BATCH, sizeof(*ev));
	struct station *s;
	struct err e = {0};
	char line[1024];
	size_t n = 0;

	if (argc != 3 || !ev)
		die("usage: mkevents NODE-DIR ARCHIVE");
	ask.node_dir = argv[1];
	ask.archive = argv[2];
	if (station_open(&s, &ask, &e))
		die(e.text);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			parse(&ev[n++], line);
		if (n && (!line[0] || n == BATCH)) {
			append(s, ev, n);
			n = 0;
		}
	}
	append(s, ev, n);
	free(ev);
	if (station_close(s, &e))
		die(e.text);
	return 0;
}
