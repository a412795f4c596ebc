/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a setting means. A key is the end of a setting's or a place's full name
 * ("failback", "vrrp.version", "groups.web.vrrp"); where the full name has a
 * NAME, any word will do.
 */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/suggest.h"
#include "vipctl/ask.h"
#include "vipctl/table.h"
#include "vipctl/vipctl.h"

#define KEY_SIZE 256

static size_t word_start(const char *text, size_t end)
{
        while (end > 0 && text[end - 1] != '.')
                end--;
        return end;
}

/** Is `key` the end of `full`, compared word by word from the last one? */
static bool matches(const char *full, const char *key)
{
        size_t full_end = strlen(full), key_end = strlen(key);

        for (;;) {
                size_t f = word_start(full, full_end), k = word_start(key, key_end);
                size_t full_len = full_end - f, key_len = key_end - k;
                bool any = full_len == 4 && memcmp(full + f, "NAME", 4) == 0;

                if (key_len == 0 || full_len == 0)
                        return false;
                if (!any && (full_len != key_len || memcmp(full + f, key + k, key_len) != 0))
                        return false;
                if (k == 0)
                        return true;
                if (f == 0)
                        return false;
                full_end = f - 1;
                key_end = k - 1;
        }
}

static void full_name(const struct conf_setting *s, char buf[static KEY_SIZE])
{
        snprintf(buf, KEY_SIZE, "%s%s%s", s->place, *s->place ? "." : "", s->name);
}

/** A place is matched whole or by its end; a NAME alone is none. */
static bool in_place(const struct conf_setting *s, const char *key)
{
        const char *last = strrchr(s->place, '.');

        if (!*s->place)
                return false;
        if (last && strcmp(last, ".NAME") == 0 && !strchr(key, '.'))
                return false;
        return matches(s->place, key);
}

static void print_setting(const struct conf_setting *s)
{
        char name[KEY_SIZE];

        full_name(s, name);
        printf("%s\n  type     %s\n", name, s->type);
        if (s->required)
                printf("  default  none, it must be given\n");
        else if (s->kind != CONF_KIND_SECTION && s->kind != CONF_KIND_NAMED)
                printf("  default  %s\n", s->fallback ? s->fallback : "none");
        printf("  meaning  %s\n", s->help);
        if (!s->available)
                printf("  Not available in this version%s%s.\n", s->instead ? ": " : "",
                       s->instead ? s->instead : "");
}

static json_t *setting_json(const struct conf_setting *s)
{
        return json_pack("{ss, ss, ss, sb, ss?, ss, sb, ss?}", "place", s->place, "name", s->name,
                         "type", s->type, "required", (int)s->required, "default", s->fallback,
                         "help", s->help, "available", (int)s->available, "instead", s->instead);
}

static const struct table_column columns[] = {{.name = "SETTING"},
                                              {.name = "TYPE"},
                                              {.name = "DEFAULT"},
                                              {.name = "MEANING", .cut = true}};

static void table_setting(struct table *t, const struct conf_setting *s)
{
        char name[KEY_SIZE];

        full_name(s, name);
        table_line(t);
        table_cell(t, name, s->available ? NULL : "gray");
        table_cell(t, s->type, NULL);
        table_cell(t, s->required ? "(required)" : s->fallback ? s->fallback : "-", NULL);
        table_cell(t, s->available ? s->help : "(not in this version)", NULL);
}

static void advise(const char *key, const struct conf_setting *settings, size_t n)
{
        const char *last = strrchr(key, '.');
        struct suggest s = {.unknown = last ? last + 1 : key};

        for (size_t i = 0; i < n; i++)
                suggest_offer(&s, settings[i].name);
        if (s.best)
                complain("no setting or place is named '%s'; did you mean '%s'?", key, s.best);
        else
                complain("no setting or place is named '%s'; 'vipctl explain' lists them", key);
}

/** The settings named `key`, then those of the places named so; all of them without a key. */
static int explain(const struct options *o, const char *key)
{
        size_t n, found = 0;
        const struct conf_setting *settings = config_settings(&n);
        struct table *t = NULL;
        json_t *list = json_array();
        char name[KEY_SIZE];

        for (size_t i = 0; i < n; i++) {
                full_name(&settings[i], name);
                if (!key || !matches(name, key))
                        continue;
                if (o->output == OUTPUT_TABLE)
                        print_setting(&settings[i]);
                json_array_append_new(list, setting_json(&settings[i]));
                found++;
        }
        for (size_t i = 0; i < n; i++) {
                if (key && !in_place(&settings[i], key))
                        continue;
                if (o->output == OUTPUT_TABLE && !t) {
                        printf(found > 0 ? "\n" : "");
                        t = table_new(columns, ARRAY_SIZE(columns));
                }
                if (t)
                        table_setting(t, &settings[i]);
                json_array_append_new(list, setting_json(&settings[i]));
        }
        if (t)
                table_end(t);
        if (o->output != OUTPUT_TABLE)
                ask_print_json(o->output, list);
        found = json_array_size(list);
        json_decref(list);
        if (found == 0)
                advise(key, settings, n);
        return found > 0 ? CTL_DONE : CTL_USAGE;
}

int verb_explain(const struct options *o, int n, char **operands)
{
        return explain(o, n > 0 ? operands[0] : NULL);
}
