/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_check.h"

#include <stdlib.h>
#include <string.h>

void conf_check_mark_bad(config_setting_t *s)
{
        static int bad;

        config_setting_set_hook(s, &bad);
}

void conf_check_refuse(struct conf_tree *t, config_setting_t *s, const char *why)
{
        const config_setting_t *named = config_setting_name(s) ? s : config_setting_parent(s);

        conf_tree_error(t, s, "'%s': %s", config_setting_name(named), why);
        conf_check_mark_bad(s);
        if (named != s)
                conf_check_mark_bad(config_setting_parent(s));
}

static const char *type_name(const config_setting_t *s)
{
        switch (config_setting_type(s)) {
        case CONFIG_TYPE_GROUP:
                return "a section { }";
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                return "a number";
        case CONFIG_TYPE_FLOAT:
                return "a number with a fraction";
        case CONFIG_TYPE_STRING:
                return "text between quotes";
        case CONFIG_TYPE_BOOL:
                return "true or false";
        default:
                return "a list";
        }
}

bool conf_check_wants(struct conf_tree *t, config_setting_t *s, int type, const char *example)
{
        struct conf_why why;

        if (config_setting_type(s) == type)
                return true;
        conf_why(&why, "expected %s, not %s", example, type_name(s));
        conf_check_refuse(t, s, why.text);
        return false;
}

static int in_range(const struct conf_setting *known, int value, struct conf_why *why)
{
        if (value >= atoi(known->lo) && value <= atoi(known->hi))
                return 0;
        return conf_why(why, "%d is out of range (%s to %s)", value, known->lo, known->hi);
}

static int time_in_range(const struct conf_setting *known, const char *text, struct conf_why *why)
{
        int64_t us, lo = 0, hi = 0;
        struct conf_why dummy;
        int r = conf_value_time(text, &us, why);

        if (r < 0)
                return r;
        conf_value_time(known->lo, &lo, &dummy);
        conf_value_time(known->hi, &hi, &dummy);
        if (us >= lo && us <= hi)
                return 0;
        return conf_why(why, "\"%.40s\" is out of range (%s to %s)", text, known->lo, known->hi);
}

static int one_of(const struct conf_setting *known, const char *text, struct conf_why *why)
{
        char advice[CONF_ADVICE_MAX];

        if (conf_choices_find(known->choices, text) >= 0)
                return 0;
        return conf_why(why, "\"%.40s\" is not one of %s%s", text, known->type,
                        conf_choices_advise(known->choices, text, advice));
}

/** Values that are text. */
static int check_text(const struct conf_setting *known, const char *text, struct conf_why *why)
{
        struct ip_addr addr;
        struct conf_vip vip;
        struct conf_track track;
        struct conf_url url;
        unsigned bits;
        uint16_t port;

        switch (known->kind) {
        case CONF_KIND_NAME:
                return conf_value_name(text, why);
        case CONF_KIND_INTERFACE:
                return conf_value_interface(text, why);
        case CONF_KIND_USER:
                return conf_value_user(text, why);
        case CONF_KIND_PATH:
                return conf_value_path(text, why);
        case CONF_KIND_PROCESS:
                return conf_value_process(text, why);
        case CONF_KIND_TIME:
                return time_in_range(known, text, why);
        case CONF_KIND_CHOICE:
                return one_of(known, text, why);
        case CONF_KIND_ADDRESS:
        case CONF_KIND_ADDRESSES:
        case CONF_KIND_SOURCES:
                return conf_value_address(text, &addr, why);
        case CONF_KIND_VIPS:
                return conf_value_vip(text, &vip, why);
        case CONF_KIND_TRACKS:
                return conf_value_track(text, &track, why);
        case CONF_KIND_ENDPOINT:
                return conf_value_endpoint(text, &addr, &port, why);
        case CONF_KIND_URL:
                return conf_value_url(text, &url, why);
        case CONF_KIND_EVENTS:
                return conf_value_events(text, &bits, why);
        case CONF_KIND_COMMAND:
        case CONF_KIND_BOOLEAN:
        case CONF_KIND_INTEGER:
        case CONF_KIND_VERSION:
        case CONF_KIND_SECTION:
        case CONF_KIND_NAMED:
        case CONF_KIND_TEXT:
                break;
        }
        return 0;
}

static void refuse_bare_time(struct conf_tree *t, config_setting_t *s)
{
        struct conf_why why;
        int n = config_setting_get_int(s);

        if (config_setting_type(s) == CONFIG_TYPE_INT && n > 0)
                conf_why(&why, "a time needs quotes and a unit: \"%dms\" or \"%ds\"", n, n);
        else
                conf_why(&why, "a time needs quotes and a unit, such as \"100ms\" or \"2s\"");
        conf_check_refuse(t, s, why.text);
}

static void check_string(struct conf_tree *t, const struct conf_setting *known, config_setting_t *s)
{
        struct conf_why why;

        if (known->kind == CONF_KIND_TIME && config_setting_is_number(s)) {
                refuse_bare_time(t, s);
                return;
        }
        if (conf_check_wants(t, s, CONFIG_TYPE_STRING, "text between quotes") &&
            check_text(known, config_setting_get_string(s), &why) < 0)
                conf_check_refuse(t, s, why.text);
}

static void check_list(struct conf_tree *t, const struct conf_setting *known, config_setting_t *s)
{
        if (config_setting_is_scalar(s)) {
                check_string(t, known, s);
                return;
        }
        if (config_setting_is_group(s)) {
                conf_check_refuse(t, s, "expected a list [ \"...\", \"...\" ], not a section { }");
                return;
        }
        for (unsigned i = 0; i < conf_tree_length(s); i++)
                check_string(t, known, conf_tree_element(s, i));
}

static void check_command(struct conf_tree *t, config_setting_t *s)
{
        unsigned n = conf_tree_length(s);
        const char *word, *text;
        struct conf_why why;

        if (config_setting_is_group(s)) {
                conf_check_refuse(t, s, "expected a command: \"/path/of/program argument\"");
                return;
        }
        for (unsigned i = 0; i < n; i++) {
                config_setting_t *element = conf_tree_element(s, i);

                if (!conf_check_wants(t, element, CONFIG_TYPE_STRING, "text between quotes"))
                        return;
        }
        text = n ? config_setting_get_string(conf_tree_element(s, 0)) : "";
        if (!config_setting_is_aggregate(s)) {
                if (conf_value_command(text, &why) < 0) {
                        conf_check_refuse(t, s, why.text);
                        return;
                }
                for (n = 0; conf_value_word(&text, &word) > 0; n++)
                        ;
                text = config_setting_get_string(s);
                text += strspn(text, " \t");
        }
        if (n == 0)
                conf_check_refuse(t, s, "an empty command");
        else if (n >= CONF_ARGS_MAX)
                conf_check_refuse(t, s, "a command of more than 31 words; put it into a script");
        else if (conf_value_path(text, &why) < 0)
                conf_check_refuse(t, s, why.text);
}

static void check_version(struct conf_tree *t, config_setting_t *s)
{
        struct conf_why why;

        if (!conf_check_wants(t, s, CONFIG_TYPE_INT, "2 or 3"))
                return;
        if (config_setting_get_int(s) == 2 || config_setting_get_int(s) == 3)
                return;
        conf_why(&why, "%d is not a version of VRRP that is spoken here (2 or 3)",
                 config_setting_get_int(s));
        conf_check_refuse(t, s, why.text);
}

void conf_check_value(struct conf_tree *t, const struct conf_setting *known, config_setting_t *s)
{
        struct conf_why why;

        switch (known->kind) {
        case CONF_KIND_BOOLEAN:
                conf_check_wants(t, s, CONFIG_TYPE_BOOL, "true or false, without quotes");
                return;
        case CONF_KIND_INTEGER:
                if (conf_check_wants(t, s, CONFIG_TYPE_INT, "a whole number without quotes") &&
                    in_range(known, config_setting_get_int(s), &why) < 0)
                        conf_check_refuse(t, s, why.text);
                return;
        case CONF_KIND_VERSION:
                check_version(t, s);
                return;
        case CONF_KIND_COMMAND:
                check_command(t, s);
                return;
        case CONF_KIND_ADDRESSES:
        case CONF_KIND_SOURCES:
        case CONF_KIND_VIPS:
        case CONF_KIND_TRACKS:
        case CONF_KIND_EVENTS:
                check_list(t, known, s);
                return;
        case CONF_KIND_NAME:
        case CONF_KIND_INTERFACE:
        case CONF_KIND_USER:
        case CONF_KIND_PATH:
        case CONF_KIND_PROCESS:
        case CONF_KIND_TIME:
        case CONF_KIND_CHOICE:
        case CONF_KIND_ADDRESS:
        case CONF_KIND_ENDPOINT:
        case CONF_KIND_URL:
                check_string(t, known, s);
                return;
        case CONF_KIND_SECTION:
        case CONF_KIND_NAMED:
        case CONF_KIND_TEXT:
                return;
        }
}
