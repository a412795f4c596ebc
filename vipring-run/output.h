/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_OUTPUT_H
#define VIPRING_RUN_OUTPUT_H
/* Making a program's output fit for a log line and for JSON. Pure. */
#include <stddef.h>

/** In place: whatever is neither printable nor a newline nor valid UTF-8 becomes '?'; tabs become
 * spaces. */
void output_clean(char *text);

/** The first line that is not blank, without the blanks around it. @return buf, "" if there is none
 */
char *output_first_line(const char *text, char *buf, size_t size);

#endif
