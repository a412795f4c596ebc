/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conf_place.h"
#include "lib/conf_scan.h"
#include "lib/conf_settings.h"

void conf_tree_say(struct conf_tree *t, enum conf_severity severity, const config_setting_t *about,
                   const char *format, ...)
{
        CLEANUP(freep) char *message = NULL;
        const char *file = t->source.files[0];
        unsigned order = 0, line = 0;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&message, format, ap) < 0)
                message = NULL;
        va_end(ap);
        if (!message) {
                t->report->out_of_memory = true;
                return;
        }
        if (about && !config_setting_is_root(about)) {
                order = config_setting_source_line(about);
                conf_source_place(&t->source, order, &file, &line);
        }
        conf_report_add(t->report, severity, order, file, line, "%s", message);
}

const char *conf_tree_line(const struct conf_tree *t, const config_setting_t *about,
                           const config_setting_t *from, char buf[static CONF_PLACE_MAX])
{
        const char *file, *here;
        unsigned line, dummy;

        conf_source_place(&t->source, config_setting_source_line(about), &file, &line);
        conf_source_place(&t->source, config_setting_source_line(from), &here, &dummy);
        if (strcmp(file, here) == 0)
                snprintf(buf, CONF_PLACE_MAX, "line %u", line);
        else
                snprintf(buf, CONF_PLACE_MAX, "%.130s line %u", file, line);
        return buf;
}

/* --- parsing ------------------------------------------------------------------ */

static void say_line(struct conf_tree *t, unsigned line, const char *message)
{
        const char *file;
        unsigned number;

        conf_source_place(&t->source, line, &file, &number);
        conf_report_add(t->report, CONF_ERROR, line, file, number, "%s", message);
}

/** Give every setting its true line. @return how many marks are used up */
static size_t set_lines(config_setting_t *s, const struct conf_mark *marks, size_t n, size_t at)
{
        int children = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;

        for (int i = 0; i < children && at < n; i++) {
                config_setting_t *child = config_setting_get_elem(s, (unsigned)i);

                child->line = marks[at++].line;
                at = set_lines(child, marks, n, at);
        }
        return at;
}

static int parse(struct conf_tree *t)
{
        struct conf_scan scan;
        int r = conf_scan_source(&scan, &t->source);

        if (r == -EINVAL)
                say_line(t, scan.bad_line, scan.why);
        if (r == 0 && config_read_string(&t->parsed, t->source.text) != CONFIG_TRUE) {
                const char *why = config_error_text(&t->parsed);

                if (why && strcmp(why, "mismatched element type in array") == 0)
                        why = "all elements between '[' and ']' must be of one type";
                say_line(t, (unsigned)config_error_line(&t->parsed), why ? why : "syntax error");
                r = -EINVAL;
        }
        if (r == 0)
                set_lines(config_root_setting(&t->parsed), scan.marks, scan.n, 0);
        conf_scan_clear(&scan);
        return r;
}

int conf_tree_parse(struct conf_tree *t)
{
        int r = parse(t);

        if (r == 0)
                conf_place_check(t);
        return r;
}

void conf_tree_clear(struct conf_tree *t)
{
        config_destroy(&t->parsed);
        conf_source_clear(&t->source);
}

/* --- reading ------------------------------------------------------------------- */

config_setting_t *conf_tree_raw(const config_setting_t *section, const char *name)
{
        return section ? config_setting_get_member(section, name) : NULL;
}

bool conf_tree_is_bad(const config_setting_t *setting)
{
        return setting && config_setting_get_hook(setting) != NULL;
}

config_setting_t *conf_tree_get(const config_setting_t *section, const char *name)
{
        config_setting_t *s = conf_tree_raw(section, name);

        return conf_tree_is_bad(s) ? NULL : s;
}

static const char *fallback(const char *place, const char *name)
{
        const struct conf_setting *known = conf_settings_find(place, name);

        return known ? known->fallback : NULL;
}

const char *conf_tree_text(const config_setting_t *section, const char *place, const char *name)
{
        const config_setting_t *s = conf_tree_get(section, name);

        return s ? config_setting_get_string(s) : fallback(place, name);
}

int64_t conf_tree_time(const config_setting_t *section, const char *place, const char *name)
{
        const char *text = conf_tree_text(section, place, name);
        struct conf_why why;
        int64_t us = 0;

        if (text)
                conf_value_time(text, &us, &why);
        return us;
}

int conf_tree_integer(const config_setting_t *section, const char *place, const char *name)
{
        const config_setting_t *s = conf_tree_get(section, name);
        const char *text = s ? NULL : fallback(place, name);

        if (s)
                return config_setting_get_int(s);
        return text ? atoi(text) : 0;
}

bool conf_tree_boolean(const config_setting_t *section, const char *place, const char *name)
{
        const config_setting_t *s = conf_tree_get(section, name);
        const char *text = s ? NULL : fallback(place, name);

        if (s)
                return config_setting_get_bool(s);
        return text && strcmp(text, "true") == 0;
}

unsigned conf_tree_length(const config_setting_t *list)
{
        if (!list)
                return 0;
        return config_setting_is_aggregate(list) ? (unsigned)config_setting_length(list) : 1;
}

config_setting_t *conf_tree_element(config_setting_t *list, unsigned i)
{
        return config_setting_is_aggregate(list) ? config_setting_get_elem(list, i) : list;
}

const char *conf_tree_element_text(config_setting_t *list, unsigned i)
{
        const config_setting_t *element = conf_tree_element(list, i);

        return conf_tree_is_bad(element) ? NULL : config_setting_get_string(element);
}
