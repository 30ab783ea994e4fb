// SPDX-License-Identifier: Apache-2.0
/* The line on the terminal that tells how far a long run is. */
#include "tools/ui.h"

#include <stdio.h>
#include <unistd.h>

void ui_progress_end(const struct ui *ui)
{
	struct ui *u = (struct ui *)ui;

	if (u->progress_on)
		fputs("\r\033[K", stderr);
	u->progress_on = false;
	u->progress_start = 0;
}

/* "1:02:03 left" */
static void put_left(double seconds)
{
	unsigned long s = seconds < 1e7 ? (unsigned long)seconds : 9999999;

	if (s >= 3600)
		fprintf(stderr, "  %lu:%02lu:%02lu left", s / 3600, s / 60 % 60, s % 60);
	else
		fprintf(stderr, "  %lu:%02lu left", s / 60, s % 60);
}

static void put_count(const struct ui *ui, double n)
{
	char text[16];

	if (ui->progress_bytes)
		ui_bytes(text, (uint64_t)n);
	else
		snprintf(text, sizeof(text), "%.0f", n);
	fputs(text, stderr);
}

void ui_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct ui *ui = ctx;
	int64_t now = ui_now();
	double ran;

	if (ui->quiet || ui->json || now - ui->progress_ms < 200)
		return;
	ui->progress_ms = now;
	if (!isatty(STDERR_FILENO))
		return;
	if (!ui->progress_start) { /* what is done at once needs no line */
		ui->progress_start = now;
		return;
	}
	ran = (double)(now - ui->progress_start) / 1000.0;
	ui->progress_on = true;
	fputs("\r\033[K", stderr);
	if (total && done <= total)
		fprintf(stderr, "%3u %%  ", (unsigned)(100.0 * (double)done / (double)total));
	put_count(ui, (double)done);
	if (done && ran > 0.5) {
		fputs("  ", stderr);
		put_count(ui, (double)done / ran);
		fputs("/s", stderr);
		if (total && done <= total)
			put_left(ran / (double)done * (double)(total - done));
	}
	fflush(stderr);
}
