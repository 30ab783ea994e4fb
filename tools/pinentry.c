// SPDX-License-Identifier: Apache-2.0
#include "tools/pinentry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "tools/dialogue.h"

#define LINE 2200 /* Assuan lines have at most 1000 bytes; a long passphrase comes in several */

struct talk {
	struct dialogue d;
	char line[LINE]; /* may hold the secret: wiped at the end */
	char *buf;
	size_t cap, n;
	bool repeated; /* the program has seen to it that it was typed twice */
};

bool pinentry_is_here(void)
{
	return getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") || getenv("GPG_TTY");
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
				      -1;
}

/* A D line: bytes, with %XX for some. */
static bool take_data(struct talk *t, const char *s)
{
	for (; *s; s++, t->n++) {
		if (t->n + 1 >= t->cap)
			return false;
		t->buf[t->n] = *s;
		if (*s != '%')
			continue;
		if (hex(s[1]) < 0 || hex(s[2]) < 0)
			return false;
		t->buf[t->n] = (char)(hex(s[1]) * 16 + hex(s[2]));
		s += 2;
	}
	return true;
}

/* What it answers to a command, up to OK or ERR. */
static int answer(struct talk *t, struct err *e)
{
	while (dialogue_hear(&t->d, t->line, sizeof(t->line)) >= 0) {
		if (!strcmp(t->line, "OK") || !strncmp(t->line, "OK ", 3))
			return 0;
		if (!strncmp(t->line, "ERR ", 4))
			return err_set(e, ERR_PASSPHRASE, "pinentry gave no passphrase: %.200s",
				       t->line + 4 + strspn(t->line + 4, "0123456789 "));
		if (!strcmp(t->line, "S PIN_REPEATED"))
			t->repeated = true;
		if (!strncmp(t->line, "D ", 2) && !take_data(t, t->line + 2))
			return err_set(e, ERR_PASSPHRASE,
				       "the passphrase from pinentry is longer than %zu bytes",
				       t->cap - 1);
	}
	return err_set(e, ERR_PASSPHRASE, "pinentry ended without an answer");
}

/* COMMAND and its argument, escaped. */
static int command(struct talk *t, const char *word, const char *arg, struct err *e)
{
	char text[1000];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", word);

	for (; *arg && n + 5 < sizeof(text); arg++) {
		if ((unsigned char)*arg < 0x20 || *arg == '%')
			n += (size_t)snprintf(text + n, 4, "%%%02X", (unsigned char)*arg);
		else
			text[n++] = *arg;
	}
	text[n++] = '\n';
	text[n] = '\0';
	if (!dialogue_say(&t->d, text))
		return err_set(e, ERR_PASSPHRASE, "pinentry does not listen");
	return answer(t, e);
}

static void option(struct talk *t, const char *name, const char *variable)
{
	const char *value = getenv(variable);
	char word[64];

	snprintf(word, sizeof(word), "OPTION %s=", name);
	if (value && *value)
		command(t, word, value, NULL); /* not all know all */
}

/* The program can't have it typed twice: so it is asked for once more. */
static int again(struct talk *t, struct err *e)
{
	char *first = t->buf, second[1024] = {0};
	size_t n = t->n, cap = t->cap;
	int rc;

	t->buf = second;
	t->cap = sizeof(second);
	t->n = 0;
	rc = command(t, "SETPROMPT ", "Again:", e);
	if (rc == 0)
		rc = command(t, "GETPIN", "", e);
	if (rc == 0 && (t->n != n || memcmp(first, second, n) != 0))
		rc = err_set(e, ERR_PASSPHRASE, "the two passphrases differ");
	secret_wipe(second, sizeof(second));
	t->buf = first;
	t->cap = cap;
	t->n = n;
	return rc;
}

static int talk(struct talk *t, const char *what, bool confirm, struct err *e)
{
	char text[512];
	int rc = answer(t, e); /* its greeting */

	option(t, "ttyname", "GPG_TTY");
	option(t, "ttytype", "TERM");
	option(t, "lc-ctype", "LC_CTYPE");
	snprintf(text, sizeof(text), "Passphrase for %s", what);
	if (rc == 0)
		rc = command(t, "SETTITLE ", "custodyfs", e);
	if (rc == 0)
		rc = command(t, "SETDESC ", text, e);
	if (rc == 0)
		rc = command(t, "SETPROMPT ", "Passphrase:", e);
	if (rc == 0 && confirm)
		command(t, "SETREPEAT ", "Again:", NULL);
	if (rc == 0)
		rc = command(t, "GETPIN", "", e);
	if (rc == 0 && t->n == 0)
		rc = err_set(e, ERR_PASSPHRASE, "the passphrase is empty");
	if (rc == 0 && confirm && !t->repeated)
		rc = again(t, e);
	return rc;
}

long pinentry_ask(const char *what, bool confirm, char *buf, size_t cap, struct err *e)
{
	char *const argv[] = {"pinentry", NULL};
	struct talk t = {.buf = buf, .cap = cap};
	int rc = dialogue_open(&t.d, argv);

	if (rc == ERR_NOTFOUND)
		return rc;
	if (rc < 0)
		return err_set(e, ERR_PASSPHRASE, "pinentry can't be started");
	rc = talk(&t, what, confirm, e);
	dialogue_say(&t.d, "BYE\n");
	dialogue_close(&t.d);
	secret_wipe(t.line, sizeof(t.line));
	if (rc < 0)
		secret_wipe(buf, cap);
	return rc < 0 ? rc : (long)t.n;
}
