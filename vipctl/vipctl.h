/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_VIPCTL_H
#define VIPCTL_VIPCTL_H
/*
 * What the verbs share: the options and the table of verbs. Each verb is one
 * file, verb_x.c, whose only public function has its name; it returns the exit
 * code (enum ctl_exit) and has said on stderr why, if that is not 0.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/ctl.h"

enum output {
        OUTPUT_TABLE, /* for people */
        OUTPUT_JSON,  /* one document, indented */
        OUTPUT_JSONL, /* one object a line */
};

struct options {
        const char *run_dir;
        const char *config;
        enum output output;
        int64_t timeout_us; /* without a sign of life from vipd; -1: the verb's own */
        const char *since;
        bool follow;
        const char *reason;
        bool dry_run, wait, yes;
};

/** Options beyond those that every verb takes; bits. */
enum verb_option {
        VERB_FOLLOW = 1 << 0,
        VERB_SINCE = 1 << 1,
        VERB_REASON = 1 << 2,
        VERB_DRY_RUN = 1 << 3,
        VERB_WAIT = 1 << 4,
        VERB_YES = 1 << 5,
        VERB_CHANGING = VERB_REASON | VERB_DRY_RUN | VERB_WAIT | VERB_YES,
};

struct verb {
        const char *name;
        const char *operands; /* as in the synopsis: "GROUP NODE" */
        const char *summary;
        unsigned options;                                            /* bits of enum verb_option */
        int min, max;                                                /* operands */
        int (*run)(const struct options *o, int n, char **operands); /* NULL: not in this version */
};

/** Ends with a NULL name. */
extern const struct verb verbs[];

/** @return the verb, or NULL after saying what is wrong */
const struct verb *verb_find(const char *name);

int verb_check(const struct options *o, int n, char **operands);
int verb_events(const struct options *o, int n, char **operands);
int verb_explain(const struct options *o, int n, char **operands);
int verb_move(const struct options *o, int n, char **operands);
int verb_reload(const struct options *o, int n, char **operands);
int verb_status(const struct options *o, int n, char **operands);
int verb_why(const struct options *o, int n, char **operands);

/** Write "vipctl: ..." to stderr, with a newline. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

#endif
