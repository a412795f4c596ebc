/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/output.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_tail(uint8_t c)
{
        return (c & 0xc0) == 0x80;
}

/* Length of the well-formed UTF-8 sequence at p (Unicode, table 3-7), 0 if there is none. */
static unsigned sequence(const uint8_t *p)
{
        if (p[0] >= 0xc2 && p[0] <= 0xdf)
                return is_tail(p[1]) ? 2 : 0;
        if (p[0] >= 0xe0 && p[0] <= 0xef) {
                if (!is_tail(p[1]) || !is_tail(p[2]))
                        return 0;
                if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
                        return 0;
                return 3;
        }
        if (p[0] >= 0xf0 && p[0] <= 0xf4) {
                if (!is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
                        return 0;
                if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
                        return 0;
                return 4;
        }
        return 0;
}

/* The control characters U+0080 to U+009F act on terminals as those below 0x20 do. */
static bool is_c1(const uint8_t *p)
{
        return p[0] == 0xc2 && p[1] < 0xa0;
}

void output_clean(char *text)
{
        uint8_t *p = (uint8_t *)text;

        while (*p) {
                unsigned len = *p < 0x80 ? 1 : sequence(p);

                if (*p == '\t')
                        *p = ' ';
                else if (len == 0 || (len == 1 && ((*p < 0x20 && *p != '\n') || *p == 0x7f)))
                        *p = '?';
                else if (len == 2 && is_c1(p))
                        p[0] = p[1] = '?';
                p += len > 0 ? len : 1;
        }
}

char *output_first_line(const char *text, char *buf, size_t size)
{
        const char *from = text + strspn(text, " \n");
        size_t len = strcspn(from, "\n");

        while (len > 0 && from[len - 1] == ' ')
                len--;
        if (len >= size) {
                len = size - 1;
                while (len > 0 && is_tail((uint8_t)from[len]))
                        len--; /* do not cut a character in two */
        }
        memcpy(buf, from, len);
        buf[len] = '\0';
        return buf;
}
