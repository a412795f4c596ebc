/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipctl/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/mono.h"

#define MINUTE_US (60 * US_PER_S)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

bool text_is_utf8(const char *text)
{
        json_t *string = json_string(text);

        json_decref(string);
        return string;
}

const char *text_duration(int64_t us, char buf[static TEXT_MAX])
{
        if (us < 0)
                snprintf(buf, TEXT_MAX, "-");
        else if (us < US_PER_MS)
                snprintf(buf, TEXT_MAX, "%" PRId64 " us", us);
        else if (us < 10 * US_PER_MS)
                snprintf(buf, TEXT_MAX, "%" PRId64 ".%" PRId64 " ms", us / US_PER_MS,
                         us % US_PER_MS / 100);
        else if (us < US_PER_S)
                snprintf(buf, TEXT_MAX, "%" PRId64 " ms", us / US_PER_MS);
        else if (us < MINUTE_US)
                snprintf(buf, TEXT_MAX, "%" PRId64 ".%" PRId64 " s", us / US_PER_S,
                         us % US_PER_S / (US_PER_S / 10));
        else if (us < HOUR_US)
                snprintf(buf, TEXT_MAX, "%" PRId64 "m %02" PRId64 "s", us / MINUTE_US,
                         us % MINUTE_US / US_PER_S);
        else if (us < DAY_US)
                snprintf(buf, TEXT_MAX, "%" PRId64 "h %02" PRId64 "m", us / HOUR_US,
                         us % HOUR_US / MINUTE_US);
        else
                snprintf(buf, TEXT_MAX, "%" PRId64 "d %02" PRId64 "h", us / DAY_US,
                         us % DAY_US / HOUR_US);
        return buf;
}

int text_parse_duration(const char *text, int64_t *ret_us)
{
        static const struct {
                const char *name;
                int64_t us;
        } units[] = {{"us", 1},          {"ms", US_PER_MS}, {"s", US_PER_S},
                     {"min", MINUTE_US}, {"h", HOUR_US},    {"d", DAY_US}};
        int64_t us;
        char *unit;
        long n;

        if (!isdigit((unsigned char)*text))
                return -EINVAL;
        errno = 0;
        n = strtol(text, &unit, 10);
        if (errno || n <= 0)
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (strcmp(unit, units[i].name) != 0)
                        continue;
                if (__builtin_mul_overflow((int64_t)n, units[i].us, &us))
                        return -EINVAL;
                *ret_us = us;
                return 0;
        }
        return -EINVAL;
}

int text_parse_instant(const char *text, int64_t *ret_us)
{
        struct tm tm = {0};
        const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        int64_t us = 0;

        if (!p)
                return -EINVAL;
        if (*p == '.') {
                int64_t scale = US_PER_S / 10;

                for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
                        us += (*p - '0') * scale;
        }
        if (strcmp(p, "Z") != 0)
                return -EINVAL;
        *ret_us = (int64_t)timegm(&tm) * US_PER_S + us;
        return 0;
}

const char *text_instant(const char *rfc3339, char buf[static TEXT_MAX])
{
        struct tm tm;
        time_t seconds;
        int64_t us;
        size_t len;

        if (text_parse_instant(rfc3339, &us) < 0) {
                snprintf(buf, TEXT_MAX, "%s", rfc3339);
                return buf;
        }
        seconds = us / US_PER_S;
        gmtime_r(&seconds, &tm);
        len = strftime(buf, TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(buf + len, TEXT_MAX - len, ".%03dZ", (int)(us % US_PER_S / US_PER_MS));
        return buf;
}

const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : otherwise;
}

bool text_number_of(const json_t *object, const char *key, int64_t *ret)
{
        const json_t *value = json_object_get(object, key);

        *ret = json_integer_value(value);
        return json_is_integer(value);
}

const char *text_duration_of(const json_t *object, const char *key, char buf[static TEXT_MAX])
{
        int64_t us;

        return text_duration(text_number_of(object, key, &us) ? us : -1, buf);
}

static void text_string_make_plain(json_t *string)
{
        CLEANUP(freep) char *copy = NULL;
        size_t len = json_string_length(string);
        bool changed = false;

        copy = malloc(len + 1);
        if (!copy)
                abort();
        memcpy(copy, json_string_value(string), len + 1);
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)copy[i];

                if (c < 0x20 || c == 0x7f) {
                        copy[i] = '?';
                        changed = true;
                } else if (c == 0xc2 && (unsigned char)copy[i + 1] < 0xa0) { /* U+0080..U+009F */
                        copy[i] = copy[i + 1] = '?';
                        changed = true;
                }
        }
        if (changed)
                json_string_setn(string, copy, len);
}

void text_make_plain(json_t *value)
{
        const char *key;
        json_t *child;
        size_t i;

        if (json_is_string(value))
                text_string_make_plain(value);
        json_object_foreach(value, key, child)
                text_make_plain(child);
        json_array_foreach(value, i, child)
                text_make_plain(child);
}
