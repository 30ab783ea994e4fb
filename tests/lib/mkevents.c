// SPDX-License-Identifier: Apache-2.0
/*
 * mkevents NODE-DIR ARCHIVE [SECONDS]: append events to the node's journal, with its key, as a mount would that
 * served readers all day. Standard input has an event a line: its type, then MEMBER=VALUE, ids in hex:
 *
 *   opened item=4f.. release=91.. uid=1000 user=alice program=cp handle=7
 *
 * Members that are not given are zero or empty. Events up to an empty line, or 10,000 of them, are
 * written at once; the next ones are at least a millisecond later. With SECONDS the host's clock is so
 * far ahead.
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

static uint64_t count_lines(FILE *f)
{
	uint64_t n = 0;
	int c;

	while ((c = getc(f)) != EOF)
		n += c == '\n';
	return n;
}

/* Past the journal's own clock: lines as it would write them, straight into the file. */
static void append_ahead(struct station *s, struct event *ev, size_t n, int64_t seconds)
{
	const struct identity *id = node_identity(s->node);
	const struct event_key key = {id->journal, s->archive->desc.id};
	char path[4096], hex[33];
	struct wire_out out = {0};
	uint64_t seq;
	FILE *f;

	text_hex(hex, id->pub.id, 16);
	snprintf(path, sizeof(path), "%s/journal/%s.jsonl", s->archive->path, hex);
	f = fopen(path, "r+");
	if (!f)
		die(path);
	seq = count_lines(f);
	for (size_t i = 0; i < n; i++) {
		ev[i].seq = seq + i;
		ev[i].time_ms = ((int64_t)time(NULL) + seconds) * 1000;
		if (event_format(&out, &ev[i], key))
			die("an event that has no form");
		wire_out_u8(&out, '\n');
	}
	if (!wire_out_ok(&out) || fseek(f, 0, SEEK_END) || fwrite(out.p, 1, out.n, f) != out.n ||
	    fclose(f))
		die(path);
	wire_out_free(&out);
}

static struct station *enter(char **argv, unsigned flags)
{
	struct station_ask ask = {.flags = flags, .node_dir = argv[1], .archive = argv[2]};
	struct station *s;
	struct err e = {0};

	if (station_open(&s, &ask, &e))
		die(e.text);
	return s;
}

static void leave(struct station *s)
{
	struct err e = {0};

	if (station_close(s, &e))
		die(e.text);
}

int main(int argc, char **argv)
{
	struct event *ev = calloc(BATCH, sizeof(*ev));
	const long ahead = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	struct station *s;
	char line[1024];
	size_t n = 0;

	if (argc < 3 || argc > 4 || !ev)
		die("usage: mkevents NODE-DIR ARCHIVE [SECONDS]");
	s = enter(argv, STATION_NO_CATCH_UP | (ahead ? STATION_NO_JOURNAL : 0));
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			parse(&ev[n++], line);
		if (n && !ahead && (!line[0] || n == BATCH)) {
			append(s, ev, n);
			n = 0;
		}
	}
	if (ahead)
		append_ahead(s, ev, n, ahead);
	else
		append(s, ev, n);
	free(ev);
	leave(s);
	if (ahead)
		leave(enter(argv, STATION_NO_CATCH_UP)); /* signs a checkpoint */
	return 0;
}
