/* SPDX-License-Identifier: Apache-2.0 */
#include "index/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "index/event_json.h"

#define ID_BYTES 16
#define HASH_BYTES 32
#define FIELDS_MAX 11
#define TIME_CHARS (TEXT_TIME_SIZE - 1)
#define TIME_MAX_MS INT64_C(253402300799999) /* end of the year 9999 */
#define MAC_OPEN ",\"mac\":\""
#define MAC_TAIL (sizeof(MAC_OPEN) - 1 + (size_t)2 * EVENT_MAC + 2) /* with `"}` */

enum kind {
	FIELD_END = 0, /* after the last of a row */
	FIELD_ID,
	FIELD_HASH,
	FIELD_NUM,
	FIELD_STR,
};

struct field {
	enum kind kind;
	bool optional;
	const char *name;
	const char *open; /* `,"name":` */
	size_t open_n;
	size_t at; /* offset in struct event */
};

#define FIELD(k, opt, name)                                                      \
	{                                                                        \
		k, opt, #name, ",\"" #name "\":", sizeof(",\"" #name "\":") - 1, \
			offsetof(struct event, name)                             \
	}
#define ID(name) FIELD(FIELD_ID, false, name)
#define ID_OPT(name) FIELD(FIELD_ID, true, name)
#define HASH(name) FIELD(FIELD_HASH, false, name)
#define HASH_OPT(name) FIELD(FIELD_HASH, true, name)
#define NUM(name) FIELD(FIELD_NUM, false, name)
#define STR(name) FIELD(FIELD_STR, false, name)

/* The one description of every type: names, kinds and order are on disk for ever. */
static const struct type {
	const char *name;
	struct field field[FIELDS_MAX + 1];
} types[EVENT_TYPES] = {
	[EVENT_UNKNOWN] = {"unknown", {{0}}},
	[EVENT_STARTED] = {"started", {ID(archive), ID(node), STR(version)}},
	[EVENT_ENROLLED] = {"enrolled", {ID(document), HASH(digest), STR(user), NUM(uid)}},
	[EVENT_ACCESSION] = {"accession",
			     {ID(accession), NUM(epoch), STR(user), NUM(uid), STR(host),
			      ID_OPT(origin), ID_OPT(export)}},
	[EVENT_SEGMENT] = {"segment", {ID(accession), ID(segment), HASH(header)}},
	[EVENT_INGEST] = {"ingest",
			  {ID(accession), ID(item), ID(segment), NUM(offset), NUM(length),
			   NUM(headlen), HASH(head), HASH(frame), HASH(commitment),
			   HASH_OPT(mark)}},
	[EVENT_ACCESSION_CLOSED] = {"accession-closed", {ID(accession), NUM(items), NUM(bytes)}},
	[EVENT_REQUESTED] = {"requested",
			     {ID(document), HASH(digest), NUM(items), NUM(accessions), STR(user),
			      NUM(uid)}},
	[EVENT_ADMITTED] = {"admitted",
			    {STR(kind), ID(document), HASH(digest), STR(user), NUM(uid)}},
	[EVENT_REFUSED] = {"refused",
			   {STR(what), STR(reason), ID_OPT(item), ID_OPT(document),
			    HASH_OPT(digest), NUM(uid), STR(user), STR(program), NUM(count)}},
	[EVENT_OPENED] = {"opened",
			  {ID(item), ID(release), NUM(uid), NUM(loginuid), STR(user), NUM(pid),
			   STR(program), NUM(handle), ID_OPT(export)}},
	[EVENT_CLOSED] = {"closed", {ID(item), ID(release), NUM(handle), NUM(bytes)}},
	[EVENT_RELEASE_ENDED] = {"release-ended", {ID(release), STR(reason)}},
	[EVENT_MOUNTED] = {"mounted", {NUM(uid), STR(user)}},
	[EVENT_UNMOUNTED] = {"unmounted", {NUM(uid)}},
	[EVENT_DAMAGED] = {"damaged",
			   {ID_OPT(item), ID_OPT(segment), NUM(offset), NUM(length), STR(what)}},
	[EVENT_RECOVERED] = {"recovered", {NUM(bytes), HASH(digest)}},
	[EVENT_COSIGNED] = {"cosigned",
			    {ID(log), NUM(size), HASH(root), STR(witness), NUM(stamp), STR(user),
			     NUM(uid)}},
	[EVENT_REPAIRED] = {"repaired",
			    {ID_OPT(item), ID_OPT(segment), ID_OPT(document), STR(what),
			     NUM(offset), NUM(length), HASH(digest), STR(user), NUM(uid)}},
	[EVENT_EXPORTED] = {"exported",
			    {ID(export), ID(release), STR(kind), STR(recipients), NUM(items),
			     NUM(bytes), NUM(uid), NUM(loginuid), STR(user), NUM(pid),
			     STR(program)}},
	[EVENT_EXPORT_CLOSED] = {"export-closed",
				 {ID(export), ID(release), NUM(items), NUM(bytes), STR(reason),
				  HASH_OPT(digest)}},
};

const char *event_type_name(enum event_type t)
{
	return types[t > EVENT_UNKNOWN && t < EVENT_TYPES ? t : EVENT_UNKNOWN].name;
}

/* The field's place in an event: bytes of an id or hash, a uint64_t, or a char[EVENT_STR_MAX]. */
static const void *place(const struct event *ev, const struct field *f)
{
	return (const char *)ev + f->at;
}

static size_t kind_bytes(enum kind k)
{
	return k == FIELD_ID ? ID_BYTES : HASH_BYTES;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	while (n-- > 0)
		any |= p[n];
	return any == 0;
}

static bool absent(const struct event *ev, const struct field *f)
{
	return f->optional && is_zero(place(ev, f), kind_bytes(f->kind));
}

/* ---- formatting ---- */

/* True if the n bytes at p are the beginning of a character and no more. */
static bool half_character(const char *p, size_t n)
{
	uint8_t lead = (uint8_t)p[0];
	size_t len = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;

	for (size_t i = 1; i < n; i++)
		if (((uint8_t)p[i] & 0xc0) != 0x80)
			return false;
	return n < len;
}

/* A string field as it may stand in a line: valid UTF-8, cut at a character. Returns its bytes. */
static size_t clean(char out[EVENT_STR_MAX], const char *s)
{
	size_t len = strnlen(s, EVENT_STR_MAX), n = 0;

	for (size_t i = 0, step; i < len; i += step) {
		const char *from = s + i;
		size_t put;

		put = step = text_utf8(from, len - i);
		if (step == 0) {
			/* Who filled the field may have cut it in the middle of a character. */
			if (len >= EVENT_STR_MAX - 1 && half_character(from, len - i))
				break;
			from = "\xef\xbf\xbd";
			put = 3;
			step = 1;
		}
		if (put > EVENT_STR_MAX - 1 - n)
			break;
		memcpy(out + n, from, put);
		n += put;
	}
	return n;
}

struct line {
	char p[EVENT_LINE_MAX];
	size_t n;
	bool full;
};

static void put(struct line *l, const char *s, size_t n)
{
	if (l->full || n > sizeof(l->p) - l->n) {
		l->full = true;
		return;
	}
	memcpy(l->p + l->n, s, n);
	l->n += n;
}

static void put_text(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* The value of a field as in a line, without quotes and NUL, into out[cap]; returns its bytes. A
 * string that does not fit is cut, another value left out. */
static size_t value_text(char *out, size_t cap, const struct event *ev, const struct field *f)
{
	char text[EVENT_STR_MAX];
	size_t n = kind_bytes(f->kind);
	int digits;

	switch (f->kind) {
	case FIELD_STR:
		return event_json_escape(out, cap, text, clean(text, place(ev, f)));
	case FIELD_NUM:
		digits = snprintf(text, sizeof(text), "%" PRIu64, *(const uint64_t *)place(ev, f));
		n = (size_t)digits;
		break;
	default:
		text_hex(text, place(ev, f), n);
		n *= 2;
	}
	if (n > cap)
		return 0;
	memcpy(out, text, n);
	return n;
}

static void put_field(struct line *l, const struct event *ev, const struct field *f)
{
	const char *quote = f->kind == FIELD_NUM ? "" : "\"";
	char value[EVENT_VALUE_MAX];

	put(l, f->open, f->open_n);
	put_text(l, quote);
	put(l, value, value_text(value, sizeof(value), ev, f));
	put_text(l, quote);
}

/* The MAC over the archive's id and the n bytes before `,"mac"`. */
static void line_mac(uint8_t mac[EVENT_MAC], const char *p, size_t n, struct event_key key)
{
	const struct hash_part part[] = {{key.archive, ID_BYTES}, {p, n}};
	uint8_t full[HASH_SIZE];

	hash_hmac(full, key.journal, 32, part, 2);
	memcpy(mac, full, EVENT_MAC);
}

int event_format(struct wire_out *out, const struct event *ev, struct event_key key)
{
	char time[TEXT_TIME_SIZE], hex[2 * EVENT_MAC + 1];
	uint8_t mac[EVENT_MAC];
	struct line l;

	if (ev->type <= EVENT_UNKNOWN || ev->type >= EVENT_TYPES)
		return ERR_USAGE;
	if (ev->time_ms < 0 || ev->time_ms > TIME_MAX_MS)
		return ERR_USAGE;
	text_time_ms(time, ev->time_ms);
	l.full = false;
	l.n = (size_t)snprintf(l.p, sizeof(l.p),
			       "{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"%s\",\"type\":\"%s\"",
			       ev->seq, time, types[ev->type].name);
	for (const struct field *f = types[ev->type].field; f->kind; f++)
		if (!absent(ev, f))
			put_field(&l, ev, f);
	line_mac(mac, l.p, l.n, key);
	text_hex(hex, mac, EVENT_MAC);
	put_text(&l, MAC_OPEN);
	put_text(&l, hex);
	put_text(&l, "\"}");
	if (l.full || l.n >= EVENT_LINE_MAX) /* a line has at most that many bytes with its LF */
		return ERR_NOMEM;
	wire_out_bytes(out, l.p, l.n);
	return wire_out_ok(out) ? 0 : ERR_NOMEM;
}

/* ---- parsing ---- */

#define TAKE(in, literal) event_json_take(in, literal, sizeof(literal) - 1)

static bool take_num(struct event_json *in, uint64_t *v)
{
	struct text_span s = {in->p, 0};

	while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
		in->p++;
	s.n = (size_t)(in->p - s.p);
	return text_u64(s, v);
}

/* n bytes as hex, then a quote. */
static bool take_hex(struct event_json *in, uint8_t *out, size_t n)
{
	if ((size_t)(in->end - in->p) <= 2 * n ||
	    !text_unhex((struct text_span){in->p, 2 * n}, out, n))
		return false;
	in->p += 2 * n;
	return TAKE(in, "\"");
}

static bool take_time(struct event_json *in, int64_t *ms)
{
	if (in->end - in->p <= TIME_CHARS ||
	    !text_parse_time((struct text_span){in->p, TIME_CHARS}, ms))
		return false;
	in->p += TIME_CHARS;
	return TAKE(in, "\"");
}

static bool take_field(struct event_json *in, struct event *ev, const struct field *f)
{
	void *to = (char *)ev + f->at;
	size_t n;

	if (!event_json_take(in, f->open, f->open_n))
		return f->optional;
	switch (f->kind) {
	case FIELD_NUM:
		return take_num(in, to);
	case FIELD_STR:
		return event_json_string(in, to, EVENT_STR_MAX);
	default:
		n = kind_bytes(f->kind);
		/* An optional id of zeros would be a second form of an absent one. */
		return TAKE(in, "\"") && take_hex(in, to, n) && !(f->optional && is_zero(to, n));
	}
}

/* A name of a type or of a member: [a-z][a-z0-9_-]*, then a quote. */
static bool take_name(struct event_json *in, struct text_span *name)
{
	name->p = in->p;
	while (in->p < in->end && ((*in->p >= 'a' && *in->p <= 'z') ||
				   (in->p > name->p && ((*in->p >= '0' && *in->p <= '9') ||
							*in->p == '-' || *in->p == '_'))))
		in->p++;
	name->n = (size_t)(in->p - name->p);
	return name->n > 0 && TAKE(in, "\"");
}

/* The members of a type we do not know; none may stand in for one of those that all types have. */
static bool take_unknown(struct event_json *in)
{
	static const char *const taken[] = {"v", "seq", "time", "type", "mac"};
	struct text_span name;

	while (in->p < in->end) {
		if (!TAKE(in, ",\"") || !take_name(in, &name))
			return false;
		for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
			if (text_is(name, taken[i]))
				return false;
		if (!TAKE(in, ":") || !event_json_value(in))
			return false;
	}
	return true;
}

static enum event_type type_of(struct text_span name)
{
	for (int t = EVENT_UNKNOWN + 1; t < EVENT_TYPES; t++)
		if (text_is(name, types[t].name))
			return (enum event_type)t;
	return EVENT_UNKNOWN;
}

static bool parse(struct event *ev, struct event_json in)
{
	struct event_json tail = {in.end - MAC_TAIL, in.end};
	struct text_span name;

	in.end = tail.p; /* nothing before the MAC may reach into it */
	if (!TAKE(&in, "{\"v\":1,\"seq\":") || !take_num(&in, &ev->seq) ||
	    !TAKE(&in, ",\"time\":\"") || !take_time(&in, &ev->time_ms) ||
	    !TAKE(&in, ",\"type\":\"") || !take_name(&in, &name) ||
	    !text_copy(name, ev->type_name, sizeof(ev->type_name)))
		return false;
	ev->type = type_of(name);
	if (ev->type == EVENT_UNKNOWN && !take_unknown(&in))
		return false;
	for (const struct field *f = types[ev->type].field; f->kind; f++)
		if (!take_field(&in, ev, f))
			return false;
	return in.p == in.end && TAKE(&tail, MAC_OPEN) && take_hex(&tail, ev->mac, EVENT_MAC) &&
	       TAKE(&tail, "}");
}

int event_parse(struct event *ev, struct text_span line)
{
	memset(ev, 0, sizeof(*ev));
	if (line.n < MAC_TAIL || line.n >= EVENT_LINE_MAX ||
	    !parse(ev, (struct event_json){line.p, line.p + line.n})) {
		memset(ev, 0, sizeof(*ev));
		return ERR_MALFORMED;
	}
	return 0;
}

int event_check_mac(struct text_span line, struct event_key key)
{
	struct event_json tail = {line.p + line.n, line.p + line.n};
	uint8_t said[EVENT_MAC], mac[EVENT_MAC];

	if (line.n < MAC_TAIL)
		return ERR_FORGED;
	tail.p -= MAC_TAIL;
	if (!TAKE(&tail, MAC_OPEN) || !take_hex(&tail, said, EVENT_MAC) || !TAKE(&tail, "}"))
		return ERR_FORGED;
	line_mac(mac, line.p, line.n - MAC_TAIL, key);
	return secret_equal(mac, said, EVENT_MAC) ? 0 : ERR_FORGED;
}

/* ---- showing ---- */

bool event_field(const struct event *ev, unsigned i, const char **name, char *value, size_t cap,
		 bool *quoted)
{
	bool known = ev->type > EVENT_UNKNOWN && ev->type < EVENT_TYPES;
	const struct field *f = types[known ? ev->type : EVENT_UNKNOWN].field;

	while (f->kind && (absent(ev, f) || i-- > 0))
		f++;
	if (!f->kind || cap == 0)
		return false;
	*name = f->name;
	*quoted = f->kind != FIELD_NUM;
	value[value_text(value, cap - 1, ev, f)] = '\0';
	return true;
}
