/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct row {
	int code;
	int sys;  /* errno a file operation answers */
	int exit; /* exit code of the programs */
	const char *word;
	const char *text;
};

/* The one place where codes, words, errno values and exit codes meet. */
static const struct row table[] = {
	{ERR_OK, 0, 0, "ok", "done"},

	{ERR_SYSTEM, EIO, 1, "system", "a system call failed"},
	{ERR_NOMEM, ENOMEM, 1, "no-memory", "out of memory, or a bound was reached"},
	{ERR_INDEX, EIO, 1, "index", "the index is damaged or of another version"},
	{ERR_NOTFOUND, ENOENT, 1, "not-found", "not found"},
	{ERR_EXISTS, EEXIST, 1, "exists", "it exists already"},
	{ERR_READONLY, EROFS, 1, "read-only", "evidence is never opened for writing"},

	{ERR_USAGE, EINVAL, 2, "usage", "wrong usage"},

	{ERR_KEY, EACCES, 3, "key", "wrong or missing key"},
	{ERR_PASSPHRASE, EACCES, 3, "passphrase", "wrong or missing passphrase"},

	{ERR_DAMAGED, EIO, 4, "damaged", "damaged: not the bytes that were sealed or logged"},
	{ERR_FORGED, EIO, 4, "forged", "a signature or MAC does not verify"},
	{ERR_ROLLBACK, EIO, 4, "rollback", "a log is not the one that was seen before"},

	{ERR_FOREIGN, EIO, 5, "foreign", "not one of our files, or of another archive"},
	{ERR_MALFORMED, EIO, 5, "malformed", "malformed"},
	{ERR_NEWER, EINVAL, 5, "newer", "a newer format than this program knows"},
	{ERR_UNSUPPORTED, EINVAL, 5, "unsupported", "an algorithm or key type not supported here"},

	{ERR_BUSY, EBUSY, 6, "busy", "busy"},

	{ERR_NOT_COVERED, EACCES, 7, "not-covered", "no authorisation covers it"},
	{ERR_NOT_YET, EACCES, 7, "not-yet", "the authorisation is not valid yet"},
	{ERR_EXPIRED, EACCES, 7, "expired", "the authorisation has expired"},
	{ERR_REVOKED, EACCES, 7, "revoked", "the authorisation is revoked"},
	{ERR_USER, EACCES, 7, "user", "the authorisation names other users"},
	{ERR_BUDGET, EACCES, 7, "budget", "the authorisation's budget is used up"},
	{ERR_CLOCK, EACCES, 7, "clock", "the clock runs behind the log"},
	{ERR_REPLAYED, EACCES, 7, "replayed", "the serial was admitted before"},
	{ERR_WRONG_NODE, EACCES, 7, "wrong-node", "made for another node"},
	{ERR_WRONG_ARCHIVE, EACCES, 7, "wrong-archive", "made for another archive"},
	{ERR_TOO_FEW, EACCES, 7, "too-few", "fewer good signatures than the threshold"},
	{ERR_NO_TOUCH, EACCES, 7, "no-touch", "a token signed without being touched"},
	{ERR_NO_PIN, EACCES, 7, "no-pin", "a token signed without its PIN"},
	{ERR_NAMESPACE, EACCES, 7, "namespace", "signed for another use"},
	{ERR_NOT_ENROLLED, EACCES, 7, "not-enrolled", "the node is not enrolled"},
	{ERR_ROLE, EACCES, 7, "role", "the node lacks the role"},
	{ERR_CHECKPOINT, EACCES, 7, "checkpoint", "the authority saw another log than this"},
	{ERR_LACKING, EACCES, 7, "lacking", "a field that the archive asks for is not there"},
	{ERR_WRONG_KEY, EACCES, 7, "wrong-key", "signed by a key that is no authorisation key"},
	{ERR_NO_EXPORT, EACCES, 7, "no-export", "the authorisation grants no export to there"},
};

static const struct row unknown = {0, EIO, 1, "unknown", "unknown error"};

static const struct row *find(int code)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return &table[i];
	return &unknown;
}

const char *err_text(int code)
{
	return find(code)->text;
}

const char *err_word(int code)
{
	return find(code)->word;
}

int err_errno(int code)
{
	return find(code)->sys;
}

int err_exit(int code)
{
	return find(code)->exit;
}

/* Drop a UTF-8 sequence that was cut at the end of a full buffer: the text goes into JSON. */
static void trim_cut(char *text, size_t n)
{
	size_t start = n;

	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	unsigned char lead = (unsigned char)text[start - 1];
	size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

	if (n - (start - 1) < need)
		text[start - 1] = '\0';
}

/* Append to text[cap], which holds `used` bytes; returns how many it holds now. */
__attribute__((format(printf, 4, 0))) static size_t append(char *text, size_t cap, size_t used,
							   const char *fmt, va_list ap)
{
	int n = vsnprintf(text + used, cap - used, fmt, ap);

	if (n < 0) {
		text[used] = '\0';
		return used;
	}
	if ((size_t)n >= cap - used) {
		trim_cut(text, cap - 1);
		return strlen(text);
	}
	return used + (size_t)n;
}

__attribute__((format(printf, 4, 5))) static size_t add(char *text, size_t cap, size_t used,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	used = append(text, cap, used, fmt, ap);
	va_end(ap);
	return used;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	if (!e)
		return code;
	/* Through a copy: an argument may be e->text itself. */
	va_start(ap, fmt);
	append(text, sizeof(text), 0, fmt, ap);
	va_end(ap);
	e->code = code;
	strcpy(e->text, text);
	return code;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	char text[sizeof(e->text)], why[128];
	size_t n;
	va_list ap;

	if (!e)
		return ERR_SYSTEM;
	va_start(ap, fmt);
	n = append(text, sizeof(text), 0, fmt, ap);
	va_end(ap);
	add(text, sizeof(text), n, ": %s", strerror_r(saved, why, sizeof(why)));
	e->code = ERR_SYSTEM;
	strcpy(e->text, text);
	errno = saved;
	return ERR_SYSTEM;
}

int err_prefix(struct err *e, int code, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	size_t n;
	va_list ap;

	if (!e)
		return code;
	if (e->code == ERR_OK || e->text[0] == '\0')
		err_set(e, code, "%s", err_text(code));
	va_start(ap, fmt);
	n = append(text, sizeof(text), 0, fmt, ap);
	va_end(ap);
	add(text, sizeof(text), n, ": %s", e->text);
	strcpy(e->text, text);
	return e->code;
}
