/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static void keep(struct conf_report *r, struct conf_finding *list, unsigned *n, unsigned order,
                 char *text)
{
        if (!text)
                r->out_of_memory = true;
        else if (*n < CONF_FINDINGS_MAX)
                list[*n] = (struct conf_finding){.order = order, .text = text};
        else
                free(text);
        *n += 1;
}

void conf_report_add(struct conf_report *r, enum conf_severity severity, unsigned order,
                     const char *file, unsigned line, const char *format, ...)
{
        CLEANUP(freep) char *message = NULL;
        const char *what = severity == CONF_ERROR ? "error" : "warning";
        char at[16] = "";
        char *text;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&message, format, ap) < 0)
                message = NULL;
        va_end(ap);

        if (line)
                snprintf(at, sizeof(at), ":%u", line);
        if (!message || asprintf(&text, "%s%s: %s: %s", file, at, what, message) < 0)
                text = NULL;
        if (severity == CONF_ERROR)
                keep(r, r->errors, &r->n_errors, order, text);
        else
                keep(r, r->warnings, &r->n_warnings, order, text);
}

/** Stable, so that what was found first about a line stays first. */
static void sort(struct conf_finding *list, unsigned n)
{
        for (unsigned i = 1; i < n; i++) {
                struct conf_finding f = list[i];
                unsigned j = i;

                for (; j > 0 && list[j - 1].order > f.order; j--)
                        list[j] = list[j - 1];
                list[j] = f;
        }
}

static void hand_over(struct conf_finding *list, unsigned n, char **ret)
{
        unsigned kept = n < CONF_FINDINGS_MAX ? n : CONF_FINDINGS_MAX;

        sort(list, kept);
        for (unsigned i = 0; i < kept; i++) {
                if (i < CONF_ERRORS_MAX)
                        ret[i] = list[i].text;
                else
                        free(list[i].text);
        }
}

void conf_report_finish(struct conf_report *r, struct conf_errors *errors)
{
        hand_over(r->errors, r->n_errors, errors->text);
        hand_over(r->warnings, r->n_warnings, errors->warnings);
        errors->n = r->n_errors;
        errors->n_warnings = r->n_warnings;
        r->n_errors = r->n_warnings = 0;
}

void conf_errors_clear(struct conf_errors *errors)
{
        for (unsigned i = 0; i < CONF_ERRORS_MAX; i++) {
                free(errors->text[i]);
                free(errors->warnings[i]);
        }
        memset(errors, 0, sizeof(*errors));
}

static void print_list(char *const *texts, unsigned n, const char *what, FILE *to)
{
        unsigned kept = n < CONF_ERRORS_MAX ? n : CONF_ERRORS_MAX;

        for (unsigned i = 0; i < kept; i++) {
                if (texts[i])
                        fprintf(to, "%s\n", texts[i]);
        }
        if (n > kept)
                fprintf(to, "and %u more %ss\n", n - kept, what);
}

void conf_errors_print(const struct conf_errors *errors, FILE *to)
{
        print_list(errors->text, errors->n, "error", to);
        print_list(errors->warnings, errors->n_warnings, "warning", to);
        if (errors->n)
                fprintf(to, "%u error%s", errors->n, errors->n == 1 ? "" : "s");
        if (errors->n_warnings)
                fprintf(to, "%s%u warning%s", errors->n ? ", " : "", errors->n_warnings,
                        errors->n_warnings == 1 ? "" : "s");
        if (errors->n || errors->n_warnings)
                fputc('\n', to);
}
