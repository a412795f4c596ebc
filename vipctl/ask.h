/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_ASK_H
#define VIPCTL_ASK_H
/* Asking vipd: the call, its failures in words, and JSON output. */
#include <jansson.h>

#include "vipctl/vipctl.h"

struct question {
        const char *verb;
        json_t *args;       /* stolen */
        bool changing;      /* a timeout or Ctrl-C leaves it running: exit 5, and say so */
        const char *then;   /* changing: how to see what became of it */
        int64_t timeout_us; /* unless --timeout says; -1: none */
        bool *lost;         /* NULL, or: set instead of complaining when vipd goes away, and
                               while set its absence is CTL_UNREACHABLE without a word */
        void (*progress)(const json_t *progress, void *arg); /* may be NULL */
        void *arg;
};

/**
 * @param ret  the result, the caller's to json_decref(); NULL if there is none. Safe to print
 *             unless JSON output was asked for
 * @return the answer's exit code; any other than 0 was explained on stderr
 */
int ask(const struct options *o, const struct question *q, json_t **ret);

/** Print indented or, for OUTPUT_JSONL, on one line. */
void ask_print_json(enum output output, const json_t *value);

#endif
