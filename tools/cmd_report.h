/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_report: a custody report: what its parts share.
 *
 *   cmd_report.c          the verb: options, the folder
 *   cmd_report_make.c     order of work; for packages too (custody export)
 *   cmd_report_pick.c     which items it is about
 *   cmd_report_item.c     all that is found out about one of them
 *   cmd_report_page.c     the page around the items: summary, authority, checks
 *   cmd_report_section.c  the section of one item
 *   cmd_report_grant.c    authorisations
 *   cmd_report_transfer.c transfers to other organisations
 *   cmd_report_field.c    what all these are made of
 *   cmd_report_row.c      one event as a row of a table
 *   cmd_report_case.c     the same for other tools: CASE/UCO
 *   cmd_report_line.c     the timeline, a picture
 *
 * What is said of custody is what an item's receipt proves; whoever has the receipt, which lies
 * beside the page, can find the same without this program.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_REPORT_H
#define CUSTODY_TOOLS_CMD_REPORT_H

#include "fs/archive_history.h"
#include "fs/frame_digest.h"
#include "fs/transfer.h"
#include "fs/verify.h"
#include "tools/cmd_check.h"

/* More than that nobody reads. */
#define REPORT_ITEMS_MAX 10000u
#define REPORT_FINDINGS_MAX 1000u /* of the whole archive that are printed; all are counted */

struct cmd_report_pick {
	uint8_t item[16], node[16]; /* node: who took it in */
	bool has_node;		    /* else: the only one that did */
	char *path;		    /* owned; as the index has it, NULL where there are no names */
};
struct cmd_report_picks {
	struct cmd_report_pick *list; /* owned */
	size_t n, cap;
};

/* An authorisation of the case that the report is about. */
struct cmd_report_grant {
	struct authorisation terms;		  /* owned */
	const struct archive_desc *by;		  /* whose keys have signed; borrowed */
	unsigned signer[DOCUMENT_SIGNATURES_MAX]; /* numbers of by->key */
	size_t signers; /* without keys whose revocation that log had admitted before */
	uint8_t digest[32];
	bool admitted; /* by the log of the node that it is for */
	bool late;     /* that had admitted a later archive.txt than `by` first */
};

struct cmd_report_item;
struct cmd_report {
	struct ui *ui;
	const char *archive, *dir, *case_no;
	char **name; /* operands: paths and ids */
	int names;
	bool no_node, no_names; /* as asked */
	struct cmd_view view;
	bool reader;			/* the node opens names */
	struct archive_history history; /* owned; where a case is asked for */
	struct cmd_report_picks picks;
	struct cmd_report_grant *grant; /* owned */
	size_t grants;
	/* Where its files go: report.html, case.jsonld, receipts/... */
	int (*put)(void *ctx, const char *name, const struct wire_out *b, struct err *e);
	void *put_ctx;
	/* Told of each item once its receipt is written; may be NULL. */
	int (*told)(void *ctx, const struct cmd_report_item *it, struct err *e);
	bool no_page; /* receipts alone */
	int64_t made_ms;
	char maker[256]; /* user@host */

	/* The whole archive. */
	struct verify_sum sum;
	int verdict;			/* of verify_run */
	struct verify_finding *finding; /* owned */
	size_t findings, cap;

	struct wire_out rows;	     /* of the table of items */
	struct wire_out body;	     /* their sections */
	struct caseuco *graph;	     /* owned */
	struct transfers transfers;  /* owned: all there are */
	size_t good, bad, unchecked; /* items */
};

/* One item, while its part is written. */
struct cmd_report_item {
	const struct cmd_report_pick *pick;
	size_t number; /* from 1 */
	char id[33];
	struct receipt *r; /* NULL: there is no receipt, and `why` says why not */
	struct err why;
	struct receipt_sum sum;
	struct cmd_check check;
	struct event ingest;
	bool taken_in;		 /* `ingest` is proved */
	struct frame_digest now; /* if it is taken_in */
	char file[64];		 /* of the receipt, in the report's folder */
	uint8_t digest[32];	 /* of that file */
	int code; /* all in all: 0 good, ERR_DAMAGED bad, else not all could be checked */
};

/* Write all files, once picks and view are set. ERR_SYSTEM: stopped; codes of verify_run, of put. */
int cmd_report_write(struct cmd_report *r, struct err *e);
void cmd_report_clear(struct cmd_report *r);

/* Fills picks (by path, then by id), and grants where a case is asked for. ERR_NOTFOUND, ERR_USAGE,
 * codes of the log. */
int cmd_report_pick(struct cmd_report *r, struct err *e);
/* The grants of r->case_no, by the time of issue. ERR_NOTFOUND, codes of the log. */
int cmd_report_find_grants(struct cmd_report *r, struct err *e);
void cmd_report_picks_free(struct cmd_report_picks *p);

/* Receipt, checks and digests of a pick; the receipt is written. What is wrong with the item is in
 * *it, not in the return: ERR_NOMEM, ERR_SYSTEM. */
int cmd_report_item_open(struct cmd_report_item *it, struct cmd_report *r, size_t number,
			 struct err *e);
void cmd_report_item_close(struct cmd_report_item *it);
/* Its name as proved, else as the index has it; empty where names are not told. */
struct text_span cmd_report_item_name(const struct cmd_report *r, const struct cmd_report_item *it);
/* How many of its proved events are of this type. */
size_t cmd_report_item_count(const struct cmd_report_item *it, enum event_type type);

/* Append to out: its section; its row in the table of items. */
void cmd_report_section(struct wire_out *out, const struct cmd_report *r,
			const struct cmd_report_item *it);
void cmd_report_item_row(struct wire_out *out, const struct cmd_report *r,
			 const struct cmd_report_item *it);
/* A table of the proved events that `in` picks, or a line that says that there is none. */
typedef bool cmd_report_pred(const struct receipt *r, const struct cmd_check_event *x);
void cmd_report_events(struct wire_out *out, const struct cmd_report_item *it, const char *caption,
		       cmd_report_pred *in);
/* What a type of event is called in the report. */
const char *cmd_report_event_name(enum event_type type);
/* The timeline: an SVG with a title and a description. */
void cmd_report_line(struct wire_out *out, const struct cmd_report_item *it);

/* "holds", "does not hold", "not all could be checked", as a marked word. */
void cmd_report_result(struct wire_out *out, int code);
/* A table of names and values: its caption (HTML); its rows, one at a time, or begun and ended around
 * what the caller puts. */
void cmd_report_table(struct wire_out *out, const char *caption);
void cmd_report_field(struct wire_out *out, const char *name);
void cmd_report_field_end(struct wire_out *out);
void cmd_report_field_hex(struct wire_out *out, const char *name, const void *p, size_t n);
void cmd_report_field_text(struct wire_out *out, const char *name, const char *text);
void cmd_report_table_end(struct wire_out *out);
void cmd_report_key(struct wire_out *out, const struct sshkey *k);

/* A table of what an authorisation of the case says; those that an item was opened under. */
void cmd_report_terms(struct wire_out *out, const struct cmd_report_grant *g);
void cmd_report_grants(struct wire_out *out, const struct receipt *r);
/* cmd_report_transfer.c: a table of the transfers of the item's accession to other organisations. */
void cmd_report_transfers(struct wire_out *out, const struct cmd_report *r,
			  const struct cmd_report_item *it);

/* cmd_report_case.c: the same custody as a CASE/UCO graph: an item's part; the whole document. */
struct caseuco;
void cmd_report_case_item(struct caseuco *g, const struct cmd_report *r,
			  const struct cmd_report_item *it);
int cmd_report_case_write(struct wire_out *out, struct caseuco *g, const struct cmd_report *r,
			  struct err *e);

/* The whole page, around r->rows and r->body. ERR_NOMEM. */
int cmd_report_page(struct wire_out *out, const struct cmd_report *r, struct err *e);

#endif
