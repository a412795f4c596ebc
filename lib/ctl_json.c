/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

/*
 * jansson recurses once per level, up to 2048; counting first keeps that to
 * what a request can need. Brackets in strings do not count.
 */
static bool ctl_json_too_deep(const char *line, size_t len)
{
        unsigned depth = 0;
        bool in_string = false;

        for (size_t i = 0; i < len; i++) {
                char c = line[i];

                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (in_string)
                        continue;
                else if ((c == '[' || c == '{') && ++depth > CTL_DEPTH_MAX)
                        return true;
                else if ((c == ']' || c == '}') && depth > 0)
                        depth--;
        }
        return false;
}

json_t *ctl_json_parse(const char *line, size_t len, char error[static CTL_ERROR_MAX])
{
        json_error_t why;
        json_t *value;

        if (ctl_json_too_deep(line, len)) {
                snprintf(error, CTL_ERROR_MAX, "nested deeper than %d levels", CTL_DEPTH_MAX);
                return NULL;
        }
        value = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
        if (!value) {
                snprintf(error, CTL_ERROR_MAX, "not JSON: %s", why.text);
                return NULL;
        }
        if (!json_is_object(value)) {
                json_decref(value);
                snprintf(error, CTL_ERROR_MAX, "not a JSON object");
                return NULL;
        }
        return value;
}

int ctl_json_request_parse(const char *line, size_t len, struct ctl_json_request *ret,
                           char error[static CTL_ERROR_MAX])
{
        const char *name;
        json_t *value;

        *ret = (struct ctl_json_request){.whole = ctl_json_parse(line, len, error)};
        if (!ret->whole)
                return -EBADMSG;

        value = json_object_get(ret->whole, "id");
        if (value && !json_is_integer(value) && !json_is_string(value)) {
                snprintf(error, CTL_ERROR_MAX, "\"id\" is neither a number nor a string");
                return -EBADMSG;
        }
        ret->id = value;
        json_object_foreach(ret->whole, name, value) {
                if (strcmp(name, "verb") && strcmp(name, "id") && strcmp(name, "args")) {
                        snprintf(error, CTL_ERROR_MAX, "unknown member \"%.100s\"", name);
                        return -EBADMSG;
                }
        }
        ret->verb = json_string_value(json_object_get(ret->whole, "verb"));
        if (!ret->verb) {
                snprintf(error, CTL_ERROR_MAX, "no \"verb\"");
                return -EBADMSG;
        }
        ret->args = json_object_get(ret->whole, "args");
        if (!ret->args && json_object_set_new(ret->whole, "args", json_object()) == 0)
                ret->args = json_object_get(ret->whole, "args");
        if (!json_is_object(ret->args)) {
                snprintf(error, CTL_ERROR_MAX, "\"args\" is not an object");
                return -EBADMSG;
        }
        return 0;
}

json_t *ctl_json_request_make(const char *verb, json_int_t id, json_t *args)
{
        return json_pack("{ss, sI, so*}", "verb", verb, "id", id, "args", args);
}

json_t *ctl_json_answer_make(json_t *id, enum ctl_exit code, const char *error, json_t *result)
{
        return json_pack("{sO*, si, so*, so*}", "id", id, "exit", (int)code, "error",
                         error ? ctl_json_text(error) : NULL, "result", result);
}

json_t *ctl_json_text(const char *text)
{
        CLEANUP(freep) char *ascii = NULL;
        json_t *value = json_string(text);

        if (value)
                return value;
        ascii = strdup(text);
        if (!ascii)
                return NULL;
        for (char *c = ascii; *c; c++)
                if ((unsigned char)*c >= 0x80)
                        *c = '?';
        return json_string(ascii);
}
