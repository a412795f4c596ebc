/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/option_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/suggest.h"

/* getopt_long() takes "--no" for --node; without an exact hit it may be several. */
static bool is_ambiguous(const char *name, size_t len, const struct option *known)
{
        unsigned n = 0;

        for (const struct option *o = known; o->name; o++)
                n += strncmp(o->name, name, len) == 0;
        return n > 1;
}

static void unknown_long(const char *program, const char *word, const struct option *known)
{
        size_t len = strcspn(word, "=");
        char name[SUGGEST_WORD_MAX] = "";
        struct suggest s = {.unknown = name};

        snprintf(name, sizeof(name), "%.*s", (int)len, word);
        for (const struct option *o = known; o->name; o++)
                suggest_offer(&s, o->name);
        fprintf(stderr, "%s: ", program);
        if (is_ambiguous(word, len, known))
                fprintf(stderr, "'--%.*s' may be several options", (int)len, word);
        else
                fprintf(stderr, "unknown option '--%.*s'", (int)len, word);
        if (s.best)
                fprintf(stderr, "; did you mean '--%s'?\n", s.best);
        else
                fprintf(stderr, "; '%s --help' lists them\n", program);
}

void option_error(const char *program, int result, char *const *argv, const struct option *known)
{
        const char *word = argv[optind - 1];
        bool is_long = strncmp(word, "--", 2) == 0;

        if (result == ':' && is_long)
                fprintf(stderr, "%s: option '%s' needs a value\n", program, word);
        else if (result == ':')
                fprintf(stderr, "%s: option '-%c' needs a value\n", program, optopt);
        else if (is_long && optopt != 0) /* known, but given a value */
                fprintf(stderr, "%s: option '%.*s' takes no value\n", program,
                        (int)strcspn(word, "="), word);
        else if (is_long)
                unknown_long(program, word + 2, known);
        else
                fprintf(stderr, "%s: unknown option '-%c'; '%s --help' lists them\n", program,
                        optopt, program);
}
