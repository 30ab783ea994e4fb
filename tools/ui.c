// SPDX-License-Identifier: Apache-2.0
#include "tools/ui.h"

#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void ui_init(struct ui *ui, const char *program)
{
	memset(ui, 0, sizeof(*ui));
	ui->program = program;
	ui->pass_fd = -1;
}

bool ui_common(struct ui *ui, int opt, const char *arg, const char *help, int *exit_code)
{
	char *end;
	long fd;

	*exit_code = 0;
	switch (opt) {
	case UI_OPT_NODE:
		ui->node = arg;
		return true;
	case UI_OPT_JSON:
		ui->json = true;
		return true;
	case UI_OPT_QUIET:
		ui->quiet = true;
		return true;
	case UI_OPT_NO_PASS:
		ui->no_passphrase = true;
		return true;
	case UI_OPT_PASS_FILE:
		ui->pass_file = arg;
		return true;
	case UI_OPT_FORCE:
		ui->force = true;
		return true;
	case UI_OPT_PASS_FD:
		fd = strtol(arg, &end, 10);
		if (*end || end == arg || fd < 0 || fd > INT_MAX)
			*exit_code = ui_usage(ui, "--passphrase-fd %s: not a descriptor", arg);
		ui->pass_fd = (int)fd;
		return true;
	case UI_OPT_HELP:
		fputs(help, stdout);
		return true;
	case UI_OPT_VERSION:
		printf("custodyfs %s\n", CUSTODY_VERSION);
		return true;
	default:
		return false;
	}
}

/* Valid UTF-8 that does something to a screen: C1 controls, U+0080 to U+009F, and those that turn the
 * direction of writing, so that a name reads as another (U+061C, U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069). */
static bool is_c1(const unsigned char *s, size_t len)
{
	return len == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

static bool is_bidi(const unsigned char *s, size_t len)
{
	if (len == 2)
		return s[0] == 0xd8 && s[1] == 0x9c;
	if (len != 3 || s[0] != 0xe2)
		return false;
	return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae))) ||
	       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

/* A JSON string of bytes that are UTF-8 or not; what is not becomes \ufffd. */
void ui_put_json(const void *p, size_t n)
{
	const unsigned char *s = p;
	size_t len;

	putchar('"');
	for (size_t i = 0; i < n; i += len) {
		len = 1;
		if (s[i] == '"' || s[i] == '\\') {
			printf("\\%c", s[i]);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			printf("\\u%04x", s[i]);
		} else if (s[i] < 0x80) {
			putchar(s[i]);
		} else {
			len = s[i] >= 0xf0 ? 4 : s[i] >= 0xe0 ? 3 : 2;
			if (i + len <= n && is_c1(s + i, len) && s[i + 1] >= 0x80) {
				printf("\\u%04x", s[i + 1]);
			} else if (i + len <= n && text_valid(s + i, len)) {
				fwrite(s + i, 1, len, stdout);
			} else {
				len = 1;
				fputs("\\ufffd", stdout);
			}
		}
	}
	putchar('"');
}

void ui_put_name(const void *p, size_t n)
{
	ui_fput_name(stdout, p, n);
}

void ui_fput_name(FILE *f, const void *p, size_t n)
{
	const unsigned char *s = p;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = s[i] < 0x80 ? 1 : s[i] >= 0xf0 ? 4 : s[i] >= 0xe0 ? 3 : 2;
		/* text_valid refuses control bytes of ASCII */
		if (i + len <= n && text_valid(s + i, len) && s[i] != '\n' && !is_c1(s + i, len) &&
		    !is_bidi(s + i, len)) {
			fwrite(s + i, 1, len, f);
		} else {
			len = 1;
			fprintf(f, "\\x%02x", s[i]);
		}
	}
}

void ui_put_text(const void *p, size_t n)
{
	const char *s = p, *lf;

	while (n > 0) {
		lf = memchr(s, '\n', n);
		ui_put_name(s, lf ? (size_t)(lf - s) : n);
		putchar('\n');
		n = lf ? n - (size_t)(lf + 1 - s) : 0;
		s = lf ? lf + 1 : s;
	}
}

/* A sentence may hold a name from the evidence. */
static void put_sentence(const struct ui *ui, const char *text)
{
	ui_progress_end(ui);
	fprintf(stderr, "%s: ", ui->program);
	ui_fput_name(stderr, text, strlen(text));
	fputc('\n', stderr);
}

static int fail(const struct ui *ui, int rc, bool json, const char *text)
{
	put_sentence(ui, text);
	if (json) {
		printf("{\"error\":\"%s\",\"exit\":%d,\"text\":", err_word(rc), err_exit(rc));
		ui_put_json(text, strlen(text));
		printf("}\n");
	}
	return err_exit(rc);
}

int ui_fail(const struct ui *ui, int rc, const struct err *e)
{
	return fail(ui, rc, ui->json, e && e->text[0] ? e->text : err_text(rc));
}

int ui_usage(const struct ui *ui, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* the wrong word may stand before --json */
	return fail(ui, ERR_USAGE, ui->json || ui->json_asked, text);
}

void ui_say(const struct ui *ui, const char *fmt, ...)
{
	va_list ap;

	if (ui->quiet)
		return;
	ui_progress_end(ui);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void ui_ignore(void *ctx, const char *sentence)
{
	(void)ctx, (void)sentence;
}

void ui_notice(void *ctx, const char *sentence)
{
	put_sentence(ctx, sentence);
}

void ui_bytes(char out[16], uint64_t n)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)n;
	unsigned u = 0;

	while (v >= 999.5 && u < 5) {
		v /= 1000;
		u++;
	}
	snprintf(out, 16, u && v < 9.95 ? "%.1f %s" : "%.0f %s", v, unit[u]);
}

const char *ui_s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

int64_t ui_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int ui_time(const char *s, int64_t now_ms, int64_t *out, struct err *e)
{
	struct text_span span = {s, strlen(s)};
	unsigned long n;
	int64_t unit = 0;
	char *end;

	if (s[0] != '+' && s[0] != '-')
		return text_parse_time(span, out) ?
			       0 :
			       err_set(e, ERR_USAGE,
				       "%s: not a time; use 2026-11-23T07:10:00Z, +2h for two "
				       "hours from now, -2h for two hours ago",
				       s);
	n = strtoul(s + 1, &end, 10);
	if (s[1] >= '0' && s[1] <= '9' && *end && !end[1])
		unit = *end == 's' ? 1 :
		       *end == 'm' ? 60 :
		       *end == 'h' ? 3600 :
		       *end == 'd' ? 86400 :
				     0;
	if (!unit || n > 36500ul * 86400)
		return err_set(e, ERR_USAGE,
			       "%s: not a span; use +90s, +30m, +2h, +3d, or - for the past", s);
	*out = now_ms + (s[0] == '-' ? -1 : 1) * (int64_t)n * unit * 1000;
	return 0;
}

void ui_user(char *out, size_t cap)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw)
		snprintf(out, cap, "%s", pw->pw_name);
	else
		snprintf(out, cap, "#%u", getuid());
}

void ui_user_host(char *out, size_t cap)
{
	char user[128], host[256] = "localhost";

	ui_user(user, sizeof(user));
	gethostname(host, sizeof(host) - 1);
	snprintf(out, cap, "%s@%s", user, host);
}
