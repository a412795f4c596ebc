/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vipctl, the admin's tool: one verb, its operands, options anywhere. It asks
 * the local vipd over its control socket and prints what it says; `check` and
 * `explain` need no vipd. verbs.c has the table all of this follows.
 */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/option_error.h"
#include "vipctl/complete.h"
#include "vipctl/text.h"
#include "vipctl/vipctl.h"

enum {
        OPT_RUN_DIR = 256,
        OPT_CONFIG,
        OPT_SINCE,
        OPT_REASON,
        OPT_DRY_RUN,
        OPT_WAIT,
        OPT_NO_WAIT,
        OPT_YES,
        OPT_TIMEOUT,
        OPT_VERSION,
        OPT_COMPLETE,
};

static const struct option long_options[] = {
        {"run-dir", required_argument, NULL, OPT_RUN_DIR},
        {"config", required_argument, NULL, OPT_CONFIG},
        {"output", required_argument, NULL, 'o'},
        {"timeout", required_argument, NULL, OPT_TIMEOUT},
        {"follow", no_argument, NULL, 'f'},
        {"since", required_argument, NULL, OPT_SINCE},
        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
        {"reason", required_argument, NULL, OPT_REASON},
        {"wait", no_argument, NULL, OPT_WAIT},
        {"no-wait", no_argument, NULL, OPT_NO_WAIT},
        {"yes", no_argument, NULL, OPT_YES},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPT_VERSION},
        {"complete", no_argument, NULL, OPT_COMPLETE}, /* see complete.c */
        {0},
};

/** For verbs that take only some of them. */
static const struct {
        enum verb_option bit;
        const char *help;
} verb_options[] = {
        {VERB_FOLLOW, "  -f, --follow         go on with what happens from now on\n"},
        {VERB_SINCE,
         "  --since WHEN         only later ones: an id (418), a time ago (2h) or a time\n"},
        {VERB_DRY_RUN, "  --dry-run            say what would be done, change nothing\n"},
        {VERB_REASON, "  --reason TEXT        why; kept in the timeline\n"},
        {VERB_WAIT, "  --wait, --no-wait    wait until it is done (default), or not\n"},
        {VERB_YES, "  --yes                do not ask for confirmation\n"},
};

/** The first of these options, as written: "--dry-run". */
static const char *name_of(unsigned given)
{
        static const char *const names[] = {
                "--follow", "--since", "--reason", "--dry-run", "--wait or --no-wait", "--yes"};

        for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (given & 1U << i)
                        return names[i];
        return "that option";
}

static void print_verb(const struct verb *v)
{
        char synopsis[64];

        snprintf(synopsis, sizeof(synopsis), "%s %s", v->name, v->operands);
        printf("  %-22s %s\n", synopsis, v->summary);
}

/** @param verb NULL: of all */
static void print_help(const struct verb *verb)
{
        if (verb) {
                printf("Usage: vipctl %s%s%s [OPTION...]\n%s.\n\nOptions:\n", verb->name,
                       *verb->operands ? " " : "", verb->operands, verb->summary);
        } else {
                printf("Usage: vipctl VERB [OPERAND...] [OPTION...]\n\nVerbs:\n");
                for (const struct verb *v = verbs; v->name; v++)
                        if (v->run)
                                print_verb(v);
                printf("\nOptions:\n");
        }
        for (size_t i = 0; i < sizeof(verb_options) / sizeof(*verb_options); i++)
                if (!verb || verb->options & verb_options[i].bit)
                        fputs(verb_options[i].help, stdout);
        printf("  -o, --output FORMAT  table (default), json or jsonl\n"
               "  --timeout TIME       give up when vipd is silent so long, e.g. 5s\n"
               "  --run-dir DIR        where vipd's socket is [%s]\n"
               "  --config FILE        for check and reload --dry-run [%s]\n"
               "  -h, --help           this text, or a verb's\n"
               "  --version\n",
               RUNSTATEDIR "/vipring", SYSCONFDIR "/vipring/vipring.conf");
        printf("\nSee vipctl(8).\n");
}

static bool parse_output(const char *text, enum output *ret)
{
        static const char *const names[] = {"table", "json", "jsonl"};

        for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
                if (strcmp(text, names[i]) == 0) {
                        *ret = (enum output)i;
                        return true;
                }
        }
        complain("--output %s: not one of table, json, jsonl", text);
        return false;
}

struct command_line {
        struct options options;
        unsigned given; /* bits of enum verb_option */
        bool help, complete;
};

/** One option with a value or effect of its own. @return false after saying what is wrong */
static bool take_option(struct command_line *c, int option, char *const *argv)
{
        struct options *o = &c->options;

        switch (option) {
        case OPT_RUN_DIR:
                o->run_dir = optarg;
                return true;
        case OPT_CONFIG:
                o->config = optarg;
                return true;
        case 'o':
                return parse_output(optarg, &o->output);
        case OPT_TIMEOUT:
                if (text_parse_duration(optarg, &o->timeout_us) == 0)
                        return true;
                complain("--timeout %s: not a time with a unit, such as 500ms, 5s or 2min", optarg);
                return false;
        case 'f':
                c->given |= VERB_FOLLOW;
                return o->follow = true;
        case OPT_SINCE:
                c->given |= VERB_SINCE;
                o->since = optarg;
                return true;
        case OPT_REASON:
                c->given |= VERB_REASON;
                o->reason = optarg;
                return true;
        case OPT_DRY_RUN:
                c->given |= VERB_DRY_RUN;
                return o->dry_run = true;
        case OPT_WAIT:
        case OPT_NO_WAIT:
                c->given |= VERB_WAIT;
                o->wait = option == OPT_WAIT;
                return true;
        case OPT_YES:
                c->given |= VERB_YES;
                return o->yes = true;
        case 'h':
                return c->help = true;
        case OPT_COMPLETE:
                return c->complete = true;
        default:
                option_error("vipctl", option, argv, long_options);
                return false;
        }
}

static int usage_error(const struct verb *v)
{
        if (v)
                fprintf(stderr, "Usage: vipctl %s%s%s [OPTION...]\n", v->name,
                        *v->operands ? " " : "", v->operands);
        else
                fprintf(stderr, "Usage: vipctl VERB [OPERAND...] [OPTION...]; see vipctl --help\n");
        return CTL_USAGE;
}

static int run_verb(const struct command_line *c, const struct verb *v, int n, char **operands)
{
        if (c->help) {
                print_help(v);
                return CTL_DONE;
        }
        if (n < v->min || n > v->max)
                return usage_error(v);
        if (c->given & ~v->options) {
                complain("'%s' does not take %s", v->name, name_of(c->given & ~v->options));
                return usage_error(v);
        }
        return v->run(&c->options, n, operands);
}

/** What was printed must have arrived: a full disk is a failure. */
static int finish(int code)
{
        if (fflush(stdout) == EOF || ferror(stdout)) {
                fprintf(stderr, "vipctl: cannot write the output\n");
                return code == CTL_DONE ? CTL_FAILED : code;
        }
        return code;
}

int main(int argc, char **argv)
{
        struct command_line c = {.options = {
                                         .run_dir = RUNSTATEDIR "/vipring",
                                         .config = SYSCONFDIR "/vipring/vipring.conf",
                                         .timeout_us = -1,
                                         .wait = true,
                                 }};
        const struct verb *verb;
        int option;

        setlocale(LC_ALL, "");
        while ((option = getopt_long(argc, argv, ":o:fh", long_options, NULL)) != -1) {
                if (option == OPT_VERSION) {
                        puts("vipctl (vipring) " PACKAGE_VERSION);
                        return finish(CTL_DONE);
                }
                if (!take_option(&c, option, argv))
                        return CTL_USAGE;
        }
        if (c.complete)
                return finish(complete(&c.options, argc - optind, argv + optind));
        if (optind == argc) {
                if (!c.help)
                        return usage_error(NULL);
                print_help(NULL);
                return finish(CTL_DONE);
        }
        if (strcmp(argv[optind], "help") == 0) { /* as many other tools have it */
                c.help = true;
                if (++optind == argc) {
                        print_help(NULL);
                        return finish(CTL_DONE);
                }
        }
        verb = verb_find(argv[optind]);
        if (!verb)
                return CTL_USAGE;
        return finish(run_verb(&c, verb, argc - optind - 1, argv + optind + 1));
}
