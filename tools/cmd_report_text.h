/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_report_text: what is the same in every custody report.
 */
#ifndef CUSTODY_TOOLS_CMD_REPORT_TEXT_H
#define CUSTODY_TOOLS_CMD_REPORT_TEXT_H

/* The style sheet, for screens and for A4 or letter paper. */
extern const char cmd_report_style[];
/* Sections: what a report shows and what not, how to check it without this program, signatures. */
extern const char cmd_report_method[];

#endif
